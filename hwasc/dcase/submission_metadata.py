"""What finished runs tell about a submission: complexity, results and the description in its metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hwasc.cost import measure
from hwasc.dcase import inference_package, rules, task_files
from hwasc.dcase.rules import Label
from hwasc.dcase.standalone.system import GENERAL
from hwasc.dcase.submission_runs import FinishedRun

AUGMENTATIONS = {"mixstyle_p": "freq-mixstyle", "roll": "time rolling", "mask": "frequency masking", "gain": "gain"}
NO_ADAPTATION = {"data.subset", "seed", "distill.seed"}  # may differ among subsets without being worth a word


def complexity(year: int, finished: Mapping[str, FinishedRun]) -> dict[str, int]:
    """Of the most complex student, as the year counts: 2024 the trained net, 2025 the packaged one."""
    rows = []
    for run in finished.values():
        if year == 2024:
            costs = measure(run.architecture)
            rows.append((costs.macs.torchinfo, costs.parameters, costs.parameter_memory))
        else:
            c = inference_package.complexity(run.architecture)
            rows.append((c.macs, c.parameters, c.parameter_bytes))
    macs, parameters, size = max(rows)
    return {"total_model_size": size, "total_parameters": parameters, "macs": macs}


def complexity_2024(label: Label, finished: Mapping[str, FinishedRun]) -> dict[str, Any]:
    """MACs by the challenge's rule, parameters and their memory of each subset's student, and the greatest of each."""
    rows = {}
    for name, run in finished.items():
        costs = measure(run.architecture)
        rows[name] = {
            "macs": costs.macs.torchinfo,
            "parameters": costs.parameters,
            "parameter_memory_bytes": costs.parameter_memory,
        }
    greatest = {key: max(r[key] for r in rows.values()) for key in next(iter(rows.values()))}
    return {"label": str(label), "numeric_precision": "int8", "per_subset": rows, "max": greatest}


def complexity_2025(finished: Mapping[str, FinishedRun]) -> dict[str, Any]:
    """The official script's complexity.json, by device."""
    per_device = {}
    for device in rules.DEVICES:
        c = inference_package.complexity(finished.get(device, finished[GENERAL]).architecture)
        per_device[device] = (c.macs, c.parameter_bytes)
    return task_files.complexity_2025(per_device)


def results(year: int, finished: Mapping[str, FinishedRun]) -> dict[str, dict[str, Any] | None]:
    """Metrics on the development test split, by subset, or of the general student and with the devices' own ones.

    The latter are known by device only.
    """
    if year == 2024:
        return {name: run.result["int8"] for name, run in finished.items()}
    general = finished[GENERAL].result["int8"]
    if len(finished) == 1:
        return {GENERAL: general}
    own = {d: finished[d].result["int8"]["per_device"].get(d) for d in finished if d != GENERAL}
    return {GENERAL: general, "device_specific": {"per_device": {**general["per_device"], **own}}}


def description(year: int, finished: Mapping[str, FinishedRun]) -> dict[str, Any]:
    """What the settings of the runs say about the system."""
    run = finished[GENERAL] if year == 2025 else finished[max(finished, key=int)]
    augment, distill = run.settings["augment"], run.settings["distill"]
    augmented = [words for key, words in AUGMENTATIONS.items() if augment.get(key)]
    folder = augment.get("response_folder") or Path(run.data) / "impulse_responses"
    if augment.get("response_p") and (run.data == "synthetic" or Path(folder).is_dir()):
        augmented.append("dir augmentation")
    taught = distill["alpha"] > 0
    teaching = ["train teachers", "ensemble teachers", "train student using knowledge distillation"]
    known: dict[str, Any] = {
        "input_sampling_rate": f"{run.architecture.front_end.sample_rate / 1000:g}kHz",
        "acoustic_features": "log-mel energies",
        "data_augmentation": ", ".join(augmented) or None,
        "machine_learning_method": "CNN",
        "complexity_management": ", ".join(
            ["weight quantization", *["knowledge distillation"] * taught, "network design"]
        ),
        "pipeline": ", ".join([*(teaching if taught else ["train student"]), "quantization-aware training"]),
        "framework": "pytorch",
    }
    if year == 2024:
        return {**known, "split_adaptations": _adaptations([r.settings for r in finished.values()])}
    several = len(finished) > 1
    return {
        **known,
        "device_information": "device-specific models" if several else None,
        "num_models_at_inference": len(finished),
        "model_weight_sharing": "fully device-specific" if several else "fully shared",
    }


def _adaptations(settings: Sequence[Mapping[str, Any]]) -> str | None:
    """Names of the settings that differ among the subsets' runs."""

    def leaves(node: Any, where: str = "") -> dict[str, str]:
        if not isinstance(node, Mapping):
            return {where: json.dumps(node)}
        return {k: v for key, inner in node.items() for k, v in leaves(inner, f"{where}.{key}".lstrip(".")).items()}

    flat = [leaves(s) for s in settings]
    names = sorted({n for f in flat for n in f if len({g.get(n) for g in flat}) > 1} - NO_ADAPTATION)
    return ", ".join(names) or None
