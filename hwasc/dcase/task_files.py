"""The files that DCASE Task 1 asks for besides code: the output CSV, the metadata, the complexity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import yaml

from hwasc.dcase.rules import (
    CLASSES,
    DESCRIPTION,
    DESCRIPTION_OF_YEAR,
    DEVELOPMENT_DEVICES,
    DEVICES,
    SUBSETS,
    About,
    Complexity,
    Label,
)
from hwasc.records.schema import plain


@dataclass(frozen=True, kw_only=True)
class DevelopmentResult:
    """Metrics on the development test split; None and absent keys are not known.

    Attributes:
        accuracy: Macro accuracy, 0..1.
        log_loss: Mean cross-entropy, in nats.
        per_class: Accuracy by scene, 0..1.
        per_device: Macro accuracy by device, 0..1.
    """

    accuracy: float | None = None
    log_loss: float | None = None
    per_class: Mapping[str, float] = field(default_factory=dict)
    per_device: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SystemDescription:
    """The description in the metadata, in the terms of the challenge's templates; None is not known.

    Attributes:
        input_sampling_rate: Such as `32kHz`.
        acoustic_features: Input of the student.
        data_augmentation: Comma-separated.
        machine_learning_method: Kind of model.
        external_data_usage: Comma-separated.
        complexity_management: Comma-separated.
        pipeline: Steps of training, comma-separated.
        framework: Software.
        split_adaptations: 2024: settings that differ between subsets.
        system_adaptations: 2024: other differences between subsets.
        device_information: 2025: how the device is used at inference.
        num_models_at_inference: 2025: number of students.
        model_weight_sharing: 2025: what the students share.
    """

    input_sampling_rate: str | None = None
    acoustic_features: str | None = None
    data_augmentation: str | None = None
    machine_learning_method: str | None = None
    external_data_usage: str | None = None
    complexity_management: str | None = None
    pipeline: str | None = None
    framework: str | None = None
    split_adaptations: str | None = None
    system_adaptations: str | None = None
    device_information: str | None = None
    num_models_at_inference: int | None = None
    model_weight_sharing: str | None = None


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Compute the softmax in double precision: (n, classes) -> (n, classes), each row sums to 1."""
    e = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def output_csv(names: Sequence[str], logits: np.ndarray) -> str:
    """Write the system output: tab-separated, with one line for each clip.

    Args:
        names: Names of the n clips.
        logits: (n, 10) in the order of `CLASSES`, which is alphabetical.

    Returns:
        Lines of a clip's name, its most probable scene and the probabilities of the scenes.
    """
    lines = ["\t".join(("filename", "scene_label", *CLASSES))]
    for name, row in zip(names, probabilities(logits), strict=True):
        lines.append("\t".join((name, CLASSES[int(row.argmax())], *(f"{p:.9g}" for p in row))))
    return "\n".join(lines) + "\n"


def metadata(
    *,
    year: int,
    label: Label,
    about: About,
    description: SystemDescription,
    complexity: Complexity,
    results: Mapping[str, DevelopmentResult],
) -> str:
    """Write the metadata in the order of the year's template. What is not known is null.

    Args:
        year: 2024 or 2025.
        label: The submission's label.
        about: Who submits; its description replaces fields of the other.
        description: The system.
        complexity: Of the most complex student.
        results: By subset (2024), or `general` and `device_specific` (2025).

    Returns:
        YAML.
    """
    names = (*DESCRIPTION, *DESCRIPTION_OF_YEAR[year])
    described = {name: getattr(description, name) for name in names} | about.description
    counted = {
        "total_model_size": complexity.parameter_bytes,
        "total_parameters": complexity.parameters,
        "macs": complexity.macs,
    }
    external = [plain(e) for e in about.external_datasets] or None
    submission = {
        "label": str(label),
        "name": about.name,
        "abbreviation": about.abbreviation,
        "authors": [_author(plain(a)) for a in about.authors],
    }
    if year == 2024:
        system = {"description": described, "complexity": counted, "external_datasets": external,
                  "source_code": about.source_code}  # fmt: skip
        parts: dict[str, Any] = {f"split_{s}": _block(results.get(s)) for s in SUBSETS}
    else:
        system = {"inference_code": about.inference_code, "source_code": about.source_code, "description": described,
                  "complexity": counted, "external_datasets": external}  # fmt: skip
        parts = {name: _block(results.get(name)) for name in ("device_specific", "general")}
    document = {"submission": submission, "system": system, "results": {"development_dataset": parts}}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _author(author: dict[str, Any]) -> dict[str, Any]:
    affiliation = author.pop("affiliation")
    order = ("abbreviation", "institute", "department", "location")
    return {**author, "affiliation": {k: affiliation[k] for k in order if affiliation[k] is not None}}


def _block(result: DevelopmentResult | None) -> dict[str, Any]:
    """Accuracies in percent. Log loss is known only over all clips."""
    found = result or DevelopmentResult()

    def row(accuracy: float | None, log_loss: float | None = None) -> dict[str, float | None]:
        percent = None if accuracy is None else round(100 * accuracy, 2)
        return {"logloss": None if log_loss is None else round(log_loss, 4), "accuracy": percent}

    return {
        "overall": row(found.accuracy, found.log_loss),
        "class_wise": {c: row(found.per_class.get(c)) for c in CLASSES},
        "device_wise": {d: row(found.per_device.get(d)) for d in DEVELOPMENT_DEVICES},
    }


def complexity_2024(label: Label, per_subset: Mapping[str, Complexity]) -> dict[str, Any]:
    """Make the content of a complexity file for 2024.

    Args:
        label: The submission's label.
        per_subset: Complexity of each subset's student.

    Returns:
        JSON values: the MACs, parameters and parameter memory of each student, and the greatest of each.
    """
    rows = {
        subset: {"macs": c.macs, "parameters": c.parameters, "parameter_memory_bytes": c.parameter_bytes}
        for subset, c in per_subset.items()
    }
    greatest = {key: max(row[key] for row in rows.values()) for key in next(iter(rows.values()))}
    return {"label": str(label), "numeric_precision": "int8", "per_subset": rows, "max": greatest}


def complexity_2025(per_device: Mapping[str, Complexity]) -> dict[str, Any]:
    """Make the content of complexity.json as the official script of 2025 writes it.

    Args:
        per_device: Complexity of each device's student.

    Returns:
        JSON values: MACs and bytes of parameters by device, and the greatest of each.
    """
    rows = {d: {"MACs": per_device[d].macs, "Params": per_device[d].parameter_bytes} for d in DEVICES}
    return {
        "per_device": rows,
        "max_MACs": max(r["MACs"] for r in rows.values()),
        "max_Params": max(r["Params"] for r in rows.values()),
    }
