"""The files of the C export: sources as they are, the model's generated tables, a README, a self-test, examples, manifests."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from hwasc.cost import graph as deployment
from hwasc.cost.firmware_flash import net_flash
from hwasc.cost.firmware_front_end import check_fft, front_end_bytes
from hwasc.cost.firmware_state import state_bytes
from hwasc.cost.row_planner import plan_rows
from hwasc.deploy.constants import step
from hwasc.deploy.export_folders import to_record
from hwasc.deploy.firmware import readme
from hwasc.deploy.firmware.copying import copied
from hwasc.deploy.firmware.cores import cores_text
from hwasc.deploy.firmware.front_end_tables import front_end_tables
from hwasc.deploy.firmware.golden import FILE as GOLDEN
from hwasc.deploy.firmware.golden import golden, golden_text
from hwasc.deploy.firmware.model_header import model_header, tag_check
from hwasc.deploy.firmware.net_tables import net_tables
from hwasc.deploy.firmware.options import FirmwareOptions
from hwasc.models.student import Student
from hwasc.records import schema
from hwasc.records.training_clips import KEY, ClipsReference
from hwasc.training.weights import save_weights

ABOUT, WEIGHTS, HEADER = "scene.json", "student.safetensors", "src/scene_model.h"
TABLES = "src/scene_net_tables.c", "src/scene_front_end_tables.c"


def to_files(
    model: Student, classes: tuple[str, ...], options: FirmwareOptions, *, clips: ClipsReference | None = None
) -> dict[str, bytes]:
    """Make the files of an export. The same student and options give the same bytes.

    Args:
        model: Quantized, and calibrated or trained.
        classes: Scenes in the order of the logits.
        options: Of the format.
        clips: The record of the recordings that it was trained on and chosen by.

    Returns:
        Contents by path within the folder.

    Raises:
        UsageError: The net or its front end is beyond the C code; the message says which part of it.
    """
    model = model.cpu().eval()
    a = model.architecture
    fe, graph = a.front_end, deployment.build(a)
    check_fft(fe)
    plan = plan_rows(graph, a.padding)
    net = net_tables(model, graph, plan)
    scale, zero_point = step(model.input)
    front_end = front_end_tables(fe, scale, zero_point, options.numbers)
    hop, scratch = options.decision_hop(fe), front_end_bytes(fe, options.numbers)
    state = state_bytes(fe, hop, net_bytes=plan.size, front_end_bytes=scratch, classes=len(classes))
    weights = _weights(model, classes, clips)
    macros = {
        **net.macros,
        "SCENE_DECISION_HOP": str(hop),
        "SCENE_FRONT_END_BYTES": str(scratch),
        "SCENE_INTEGER": str(int(options.numbers == "integer")),
    }
    tag = _tag([net.text, front_end, json.dumps([macros, list(classes), a.id, options.share])])
    vectors = golden(model, input=(scale, zero_point), output=step(model.get_submodule("output.act")))
    texts = {
        HEADER: model_header(a, classes, tag=tag, macros=macros, smoothing=options.share, state=state),
        TABLES[0]: _tagged(net.text, tag, TABLES[0]),
        TABLES[1]: _tagged(front_end, tag, TABLES[1]),
        f"selftest/{GOLDEN}": golden_text(vectors, fe, tag),
        "example/cortex-m/cores.cmake": cores_text(),
        "README.md": readme.text(
            a,
            classes,
            options,
            plan=plan,
            state=state,
            front_end_bytes=scratch,
            decision_hop=hop,
            net_flash=net_flash(graph, plan).total,
            macs=sum(o.macs for o in graph.operators),
        ),
    }
    files = {
        **copied(options),
        WEIGHTS: weights,
        **{name: text.encode(errors="replace") for name, text in texts.items()},
    }
    return {**files, ABOUT: _about(files, options, tag, clips)}


def _weights(model: Student, classes: tuple[str, ...], clips: ClipsReference | None) -> bytes:
    """The student itself, so that hwasc can make the tables again and compare."""
    about = {"architecture": schema.canonical(model.architecture), "classes": json.dumps(classes), "numbers": "int8"}
    if clips is not None:
        about[KEY] = clips.text()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / WEIGHTS
        save_weights(path, model, about)
        return path.read_bytes()


def _tagged(text: str, tag: str, name: str) -> str:
    """A generated file with the check of its tag, after its first comment."""
    end = text.index("*/\n") + 3
    return f"{text[:end]}{tag_check(tag, Path(name).name)}{text[end:]}"


def _tag(parts: Iterable[str]) -> str:
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return f"0x{digest[:8]}u"


def _about(files: dict[str, bytes], options: FirmwareOptions, tag: str, clips: ClipsReference | None) -> bytes:
    known = {KEY: schema.plain(clips)} if clips else {}
    return to_record("c", files, tag=tag, options=asdict(options), **known)
