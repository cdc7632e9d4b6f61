"""The content of a submission's metadata, from finished runs: complexity, results and description."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hwasc.cost import measure
from hwasc.dcase import inference_package
from hwasc.dcase.rules import Complexity
from hwasc.dcase.standalone.system import GENERAL
from hwasc.dcase.submission_runs import FinishedRun, tested_together
from hwasc.dcase.task_files import DevelopmentResult, SystemDescription
from hwasc.records import schema
from hwasc.records.data_settings import AugmentSettings
from hwasc.records.settings import Settings
from hwasc.training.metrics import Metrics

NO_ADAPTATION = {"data.subset", "seed", "distill.seed"}  # differ between subsets without being adapted to them


def complexity(year: int, run: FinishedRun) -> Complexity:
    """Count a student by the rule of the year: the trained net in 2024, the packaged one in 2025.

    Args:
        year: 2024 or 2025.
        run: The student's run.

    Returns:
        Its complexity.
    """
    if year == 2025:
        return inference_package.complexity(run.architecture)
    costs = measure(run.architecture)
    return Complexity(macs=costs.macs.torchinfo, parameters=costs.parameters, parameter_bytes=costs.parameter_memory)


def results(year: int, finished: Mapping[str, FinishedRun]) -> dict[str, DevelopmentResult]:
    """Collect the metrics on the development test split.

    Args:
        year: 2024 or 2025.
        finished: Runs by subset (2024), or `general` and by device (2025).

    Returns:
        Metrics by subset (2024), or `general` and, with students of single devices, `device_specific` (2025). The latter are
        known only by device where the students are of several runs.
    """
    if year == 2024:
        return {name: _result(run.result.test.int8) for name, run in finished.items()}
    general = _result(finished[GENERAL].result.test.int8)
    if len(finished) == 1:
        return {GENERAL: general}
    if together := tested_together(finished):
        return {GENERAL: general, "device_specific": _result(together)}
    own = {device: run.device_accuracy(device) for device, run in finished.items()}
    by_device = {device: accuracy for device, accuracy in own.items() if accuracy is not None}
    unknown = {device for device in finished if device != GENERAL} - set(by_device)
    per_device = {d: a for d, a in general.per_device.items() if d not in unknown} | by_device
    return {GENERAL: general, "device_specific": DevelopmentResult(per_device=per_device)}


def _result(metrics: Metrics) -> DevelopmentResult:
    return DevelopmentResult(
        accuracy=metrics.accuracy,
        log_loss=metrics.log_loss,
        per_class=metrics.per_class,
        per_device=metrics.per_device,
    )


def describe(year: int, finished: Mapping[str, FinishedRun]) -> SystemDescription:
    """Describe the system by the settings of its runs.

    Args:
        year: 2024 or 2025.
        finished: Runs by subset (2024), or `general` and by device (2025).

    Returns:
        The fields of the description that the settings decide.
    """
    run = finished[GENERAL] if year == 2025 else finished[max(finished, key=int)]
    with_teachers = run.settings.distill.alpha > 0
    teaching = ["train teachers", "ensemble teachers", "train student using knowledge distillation"]
    known = SystemDescription(
        input_sampling_rate=f"{run.architecture.front_end.sample_rate / 1000:g}kHz",
        acoustic_features="log-mel energies",
        data_augmentation=", ".join(_augmentations(run.settings.augment, run.data)) or None,
        machine_learning_method="CNN",
        complexity_management=", ".join(
            ["weight quantization", *["knowledge distillation"] * with_teachers, "network design"]
        ),
        pipeline=", ".join(
            [
                *(teaching if with_teachers else ["train student"]),
                *["device-specific fine-tuning"] * any(r.own for r in finished.values()),
                "quantization-aware training",
            ]
        ),
        framework="pytorch",
    )
    if year == 2024:
        return replace(known, split_adaptations=_adaptations([r.settings for r in finished.values()]))
    several = len(finished) > 1
    return replace(
        known,
        device_information="device-specific models" if several else None,
        num_models_at_inference=len(finished),
        model_weight_sharing="fully device-specific" if several else "fully shared",
    )


def _augmentations(settings: AugmentSettings, data: str) -> list[str]:
    """The challenge's names of what is switched on."""
    used = {
        "freq-mixstyle": settings.mixstyle_p,
        "time rolling": settings.roll,
        "frequency masking": settings.mask,
        "gain": settings.gain,
        "random equalizer": settings.equaliser_p,
        "band limits": settings.band_limit_p,
    }
    names = [name for name, amount in used.items() if amount]
    folder = settings.response_folder or Path(data) / "impulse_responses"
    if settings.response_p and (data == "synthetic" or Path(folder).is_dir()):
        names.append("dir augmentation")
    return names


def _adaptations(settings: Sequence[Settings]) -> str | None:
    """Names of the settings that differ between the subsets' runs."""

    def leaves(node: Any, where: str = "") -> dict[str, str]:
        if not isinstance(node, Mapping):
            return {where: json.dumps(node)}
        return {k: v for key, inner in node.items() for k, v in leaves(inner, f"{where}.{key}".lstrip(".")).items()}

    flat = [leaves(schema.plain(s)) for s in settings]
    names = sorted({n for f in flat for n in f if len({g.get(n) for g in flat}) > 1} - NO_ADAPTATION)
    return ", ".join(names) or None
