"""The distillation report: what the student reaches in float and in int8, by device and class, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hwasc.report import plots
from hwasc.report.ensemble import fusion_parts
from hwasc.report.formats import ABSENT, amount, count, decimal, kib, percent, points
from hwasc.report.page import Fact, Facts, Paragraph, Part, Picture, Preformatted, Section, Table, page
from hwasc.report.profiling import EXACT, flat_table

KINDS = ("float", "int8")
PROVENANCE = ("id", "data", "dataset", "seed", "initial_weights", "alpha", "temperature", "budget")
_COSTS = {  # dotted name: label, note
    "parameters": ("Parameters", ""),
    "macs.torchinfo": ("MACs, torchinfo rule", "the DCASE rule, unfused; a clip"),
    "macs.conv": ("MACs as run", "batch norm folded, with GRN; a clip"),
    "int8_memory.weights": ("Weights in flash", "int8 weights, int32 biases"),
    "int8_memory.activations": ("Peak activations in RAM", "arena head of the greedy plan"),
    "int8_memory.lower_bound": ("Lower bound of activations", "the least any plan needs"),
}


def distill_report(result: Mapping[str, Any], environment: Mapping[str, Any] | None = None) -> str:
    """The page as text, from the JSON-like result of a distillation; what is absent is left out.

    Keys: architecture (text), costs, float and int8 (accuracy, log_loss, ece, per_device, per_class, groups; 0..1),
    fusion (rows), losses (series by name), onnx (agreement, clips), confusion (counts, rows: truth), classes, clips,
    validation (accuracy of float and int8), environment, and what `PROVENANCE` names.
    """
    clips = _clips(result)
    over = f"over {count(clips)} test clips" if clips else "on the test clips"
    sections = [Section("Summary", [Paragraph(_story(result, over)), *_cards(result, over), *_scores(result, over)])]
    for key, title, what in (
        ("groups", "Groups of devices", "group"),
        ("per_device", "Devices", "device"),
        ("per_class", "Classes", "class"),
    ):
        if parts := _by(result, key, what, over):
            sections.append(Section(title, parts))
    if matrix := result.get("confusion"):
        classes = [str(c) for c in result.get("classes") or range(len(matrix))]
        sections.append(
            Section(
                "Confusion",
                [
                    Picture(
                        plots.confusion(matrix, classes),
                        f"Measured {over}, int8. Rows: truth; columns: prediction; per cent of the row's clips.",
                    ),
                    _confused(matrix, classes),
                ],
            )
        )
    if losses := {k: v for k, v in _map(result.get("losses")).items() if v}:
        sections.append(
            Section("Training", [Picture(plots.training_curve(losses), "Measured. Training loss by epoch.")])
        )
    if result.get("fusion"):
        sections.append(
            Section(
                "Ensemble of teachers",
                fusion_parts(result["fusion"], None, result.get("leave_one_out") or (), _map(result.get("mixing"))),
            )
        )
    if onnx := _map(result.get("onnx")):
        sections.append(Section("Exported file", _onnx(onnx)))
    if costs := _map(result.get("costs")):
        sections.append(Section("Costs", [flat_table(costs, f"{EXACT} Memories in bytes")]))
    if text := result.get("architecture"):
        sections.append(Section("Architecture", [Preformatted(str(text))]))
    if origin := {k: result[k] for k in PROVENANCE if result.get(k) is not None}:
        sections.append(Section("Provenance", [flat_table(origin)]))
    return page(
        "Distilled student",
        f"int8 {percent(_get(result, 'int8', 'accuracy'))} macro accuracy {over}",
        sections,
        environment or _map(result.get("environment")),
    )


def _story(result: Mapping[str, Any], over: str) -> str:
    plain, int8 = _get(result, "float", "accuracy"), _get(result, "int8", "accuracy")
    text = f"Accuracies are macro averages over the classes, measured {over}, on which nothing was selected. "
    if plain is not None and int8 is not None:
        text += f"Quantization to int8 changed the accuracy by {points(int8 - plain)} points."
    return text


def _cards(result: Mapping[str, Any], over: str) -> list[Part]:
    facts: dict[str, Fact] = {}
    for kind in reversed(KINDS):
        if (accuracy := _get(result, kind, "accuracy")) is not None:
            loss = _get(result, kind, "log_loss")
            facts[f"{kind} accuracy"] = Fact(
                percent(accuracy), (f"log loss {decimal(loss)} nats; " if loss is not None else "") + over, "measured"
            )
    for name, (label, note) in _COSTS.items():
        value: Any = result.get("costs")
        for step in name.split("."):
            value = _map(value).get(step)
        if isinstance(value, (int, float)):
            shown = (
                Fact(kib(value), f"{count(value)} B: {note}", "exact")
                if "memory" in name
                else Fact(amount(name, value), note, "exact")
            )
            facts[label] = shown
    size = _get(result, "tflite", "bytes")
    if isinstance(size, int):
        facts["Model file in flash"] = Fact(kib(size), f"{count(size)} B: student.tflite", "exact")
    return [Facts(facts)] if facts else []


def _by(result: Mapping[str, Any], key: str, what: str, over: str) -> list[Part]:
    """Bars and a table of float and int8 accuracies by device, class or group."""
    found = {kind: {str(k): v for k, v in _map(_map(result.get(kind)).get(key)).items()} for kind in KINDS}
    names = list(dict.fromkeys(name for values in found.values() for name in values))
    if not names:
        return []
    kinds = [k for k in KINDS if found[k]]
    groups = {n: {k: float(v) for k in kinds if isinstance(v := found[k].get(n), (int, float))} for n in names}
    rows: list[list[Any]] = []
    for name, values in groups.items():
        change = [points(values["int8"] - values["float"]) if len(values) == 2 else ABSENT] if len(kinds) == 2 else []
        rows.append([name, *(percent(values.get(k)) for k in kinds), *change])
    columns = [what, *(f"{k} accuracy" for k in kinds), *(["change, points"] if len(kinds) == 2 else [])]
    return [Picture(plots.grouped_bars(groups), f"Measured {over}. Accuracy by {what}."), Table(columns, rows)]


def _confused(matrix: list[list[float]], classes: list[str]) -> Table:
    pairs = [(v, t, p, v / sum(row)) for t, row in enumerate(matrix) for p, v in enumerate(row) if t != p and v]
    top = sorted(pairs, key=lambda x: (-x[0], x[1], x[2]))[:10]
    return Table(
        ("truth", "taken for", "clips", "of its class"),
        [(classes[t], classes[p], count(v), percent(share)) for v, t, p, share in top],
        "The most frequent confusions",
    )


def _onnx(onnx: Mapping[str, Any]) -> list[Part]:
    over = f", over {count(onnx['clips'])} clips" if onnx.get("clips") else ""
    known = {
        "agreement": ("ONNX agreement", f"share of clips on which the file names the same class as the student{over}"),
        "accuracy": ("ONNX accuracy", f"macro, measured with the file itself{over}"),
    }
    facts = {
        label: Fact(percent(onnx[key]), note, "measured")
        for key, (label, note) in known.items()
        if isinstance(onnx.get(key), (int, float))
    }
    rest = {k: v for k, v in onnx.items() if k not in (*known, "clips")}
    return [*([Facts(facts)] if facts else []), *([flat_table(rest)] if rest else [])]


def _scores(result: Mapping[str, Any], over: str) -> list[Part]:
    """Float and int8 in one table, with what else was measured of them."""
    rows = []
    for kind in KINDS:
        scores, validation = _map(result.get(kind)), _map(result.get("validation")).get(kind)
        if scores:
            by_location = scores.get("by_location")
            rows.append(
                [
                    kind,
                    percent(scores.get("accuracy")),
                    decimal(scores.get("log_loss")),
                    decimal(scores.get("ece")),
                    percent(by_location),
                    percent(validation),
                ]
            )
    columns = (
        "numbers",
        "macro accuracy",
        "log loss, nats",
        "calibration error",
        "locations named right",
        "on validation clips",
    )
    return [Table(columns, rows, f"Measured {over}; the last column on the validation clips")] if rows else []


def _clips(result: Mapping[str, Any]) -> int | None:
    matrix = result.get("confusion")
    clips = result.get("clips") or _map(result.get("int8")).get("clips")
    return clips or (int(sum(map(sum, matrix))) if matrix else None)


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _get(result: Mapping[str, Any], kind: str, key: str) -> float | None:
    value = _map(result.get(kind)).get(key)
    return float(value) if isinstance(value, (int, float)) else None
