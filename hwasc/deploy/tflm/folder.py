"""The files of the export for TensorFlow Lite Micro."""

from __future__ import annotations

import hashlib

from hwasc.cost import graph as deployment
from hwasc.cost.memory import plan_greedy
from hwasc.cost.offline import plan_offline
from hwasc.cost.patches import patched
from hwasc.cost.scratch import scratch
from hwasc.deploy import tflite
from hwasc.deploy.flatfile import read_contents
from hwasc.deploy.patch_options import PatchOptions
from hwasc.deploy.tflite import Planner
from hwasc.deploy.tflm.arena_sizes import REFERENCE, arena_sizes
from hwasc.deploy.tflm.front_end import front_end_files
from hwasc.deploy.tflm.golden_text import golden_text
from hwasc.deploy.tflm.model_header import model_header, tag
from hwasc.deploy.tflm.options import TflmOptions
from hwasc.deploy.tflm.programs import program_files
from hwasc.deploy.tflm.readme import readme_text
from hwasc.deploy.tflm.source_texts import data_text, operators_text
from hwasc.models.student import Student
from hwasc.records.training_clips import TrainingClips


def to_texts(
    model: Student,
    classes: tuple[str, ...],
    planner: Planner = "greedy",
    *,
    name: str,
    options: TflmOptions | None = None,
    clips: TrainingClips | None = None,
) -> dict[str, str]:
    """Make the files of an export. The same arguments give the same texts.

    Args:
        model: A quantized student.
        classes: Scenes in the order of the logits.
        planner: Planner of the memory plan.
        name: Of the model, a name for C and C++.
        options: Of the format; None: all defaults.
        clips: The recordings that it was trained on and chosen by.

    Returns:
        Texts by path within the folder.

    Raises:
        UsageError: The front end is beyond the C code, the net cannot run in so many patches, or the budget of the options
            cannot be read.
    """
    options = options or TflmOptions()
    a, kernels, arithmetic = model.architecture, options.chosen_kernels(), options.chosen_arithmetic()
    patches = PatchOptions(options.patches).chosen(a, planner)
    graph = patched(a, patches).graph if patches else deployment.build(a)
    extra = scratch(graph, kernels, a.padding) if kernels not in (None, REFERENCE) else {}
    plan = plan_offline(graph, scratch=extra) if planner == "offline" else plan_greedy(graph, extra)
    content = tflite.to_bytes(model, classes, planner, clips=clips, patches=patches, scratch=extra)
    digest, found = hashlib.sha256(content).hexdigest(), read_contents(content)
    sizes = arena_sizes(a, graph, plan)
    header = model_header(
        a,
        found,
        sizes,
        plan,
        name=name,
        digest=digest,
        bytes_of_model=len(content),
        kernels=kernels,
        arithmetic=arithmetic,
        trained=clips.reference if clips else None,
    )
    readme = readme_text(
        a, graph, classes, sizes, name=name, kernels=kernels, arithmetic=arithmetic, bytes_of_model=len(content)
    )
    return {
        "README.md": readme,
        f"{name}.h": header,
        f"{name}_model.cc": data_text(content, classes, name=name, digest=digest),
        f"{name}_operators.h": operators_text(found.codes, name=name, digest=digest),
        f"selftest/{name}_golden.h": golden_text(model, name=name, digest=digest),
        **program_files(name),
        **front_end_files(a.front_end, found.input, arithmetic, name=name, tag=tag(digest)),
    }
