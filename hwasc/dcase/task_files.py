"""The files that DCASE Task 1 asks for besides code: the output CSV, the metadata, the complexity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import yaml

from hwasc.dcase.rules import CLASSES, DESCRIPTION, DEVELOPMENT_DEVICES, DEVICES, OF_YEAR, SUBSETS, About, Label
from hwasc.records.schema import plain

Results = Mapping[
    str, Any
]  # `float` or `int8` of a run's result.json: accuracy, log_loss, per_class, per_device (shares)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax in double precision: (n, classes) -> (n, classes), each row adds up to 1."""
    e = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def output_csv(names: Sequence[str], logits: np.ndarray) -> str:
    """The system output: tab-separated, a line a clip: its name, the most probable scene, the scenes' probabilities.

    logits: (n, 10) in the order of `CLASSES`, which is alphabetical.
    """
    lines = ["\t".join(("filename", "scene_label", *CLASSES))]
    for name, row in zip(names, probabilities(logits), strict=True):
        lines.append("\t".join((name, CLASSES[int(row.argmax())], *(f"{p:.9g}" for p in row))))
    return "\n".join(lines) + "\n"


def metadata(
    year: int,
    label: Label,
    about: About,
    known: Mapping[str, Any],
    complexity: Mapping[str, int],
    results: Mapping[str, Results | None],
) -> str:
    """The metadata YAML in the order of the year's template.

    known: fields of the description that the run folders tell; complexity: total_model_size (bytes), total_parameters,
    macs; results: by subset (2024), or `general` and `device_specific` (2025). What is not known is null.
    """
    description = {k: None for k in (*DESCRIPTION, *OF_YEAR[year])} | dict(known) | about.description
    external = [plain(e) for e in about.external_datasets] or None
    submission = {
        "label": str(label),
        "name": about.name,
        "abbreviation": about.abbreviation,
        "authors": [_author(plain(a)) for a in about.authors],
    }
    if year == 2024:
        system = {"description": description, "complexity": dict(complexity), "external_datasets": external,
                  "source_code": about.source_code}  # fmt: skip
        parts: dict[str, Any] = {f"split_{s}": _block(results.get(s)) for s in SUBSETS}
    else:
        system = {"inference_code": about.inference_code, "source_code": about.source_code, "description": description,
                  "complexity": dict(complexity), "external_datasets": external}  # fmt: skip
        parts = {name: _block(results.get(name)) for name in ("device_specific", "general")}
    document = {"submission": submission, "system": system, "results": {"development_dataset": parts}}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _author(author: dict[str, Any]) -> dict[str, Any]:
    affiliation = author.pop("affiliation")
    order = ("abbreviation", "institute", "department", "location")
    return {**author, "affiliation": {k: affiliation[k] for k in order if affiliation[k] is not None}}


def _block(result: Results | None) -> dict[str, Any]:
    """Accuracies in percent. Log loss is known over all clips only."""
    found = result or {}

    def row(accuracy: float | None, log_loss: float | None = None) -> dict[str, float | None]:
        percent = None if accuracy is None else round(100 * accuracy, 2)
        return {"logloss": None if log_loss is None else round(log_loss, 4), "accuracy": percent}

    by_class, by_device = found.get("per_class", {}), found.get("per_device", {})
    return {
        "overall": row(found.get("accuracy"), found.get("log_loss")),
        "class_wise": {c: row(by_class.get(c)) for c in CLASSES},
        "device_wise": {d: row(by_device.get(d)) for d in DEVELOPMENT_DEVICES},
    }


def complexity_2025(per_device: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    """What the official script writes: (MACs, bytes of parameters) of every device's student, and the greatest."""
    rows = {d: {"MACs": per_device[d][0], "Params": per_device[d][1]} for d in DEVICES}
    return {
        "per_device": rows,
        "max_MACs": max(r["MACs"] for r in rows.values()),
        "max_Params": max(r["Params"] for r in rows.values()),
    }
