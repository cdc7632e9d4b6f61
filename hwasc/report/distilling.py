"""The distillation report: metrics of the student in float and in int8, by device and class, and its costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hwasc.cost.limits import value
from hwasc.records.schema import plain
from hwasc.report import plots
from hwasc.report.bars import grouped_bars
from hwasc.report.confusion import confusion_sections
from hwasc.report.device_students import device_parts
from hwasc.report.ensemble import fusion_parts
from hwasc.report.formats import amount, count, data_name, decimal, kib, percent, points
from hwasc.report.mistakes import Mistakes
from hwasc.report.page import Fact, Facts, Paragraph, Part, Picture, Preformatted, Section, Table, page
from hwasc.report.profiling import EXACT, flat_table
from hwasc.report.verdicts import distill_verdict

if TYPE_CHECKING:
    from hwasc.students.loss_choice import LossChoice
    from hwasc.students.result import DistillResult, OnnxFile
    from hwasc.students.starts import StartScore

PROVENANCE = ("id", "data", "dataset", "seed", "initial_weights", "alpha")
_COSTS = {  # dotted name: label, note
    "parameters": ("Parameters", ""),
    "macs.torchinfo": ("MACs, torchinfo rule", "the DCASE rule, unfused; a clip"),
    "macs.conv": ("MACs as run", "batch norm folded, with GRN; a clip"),
    "int8_memory.weights": ("Weights in flash", "int8 weights, int32 biases"),
    "int8_memory.activations": ("Peak activations in RAM", "arena head of the greedy plan"),
    "int8_memory.lower_bound": ("Lower bound of activations", "the least any plan needs"),
}


def distill_report(result: DistillResult, mistakes: Mistakes | None = None) -> str:
    """Render the page about a distilled student.

    Args:
        result: The finished distillation.
        mistakes: The clips that the int8 student takes for another scene, see `report.mistakes`.

    Returns:
        The page as HTML text.
    """
    test = result.test
    over = f"over {count(test.int8.clips)} test clips"
    parts: list[Part] = [
        Paragraph(f"{_summary(result, over)} Measured on {result.measured.text()}."),
        _cards(result, over),
        _scores(result, over),
    ]
    sections = [
        Section("Verdict", [distill_verdict(result)]),
        Section("Summary", parts),
        Section("Groups of devices", _by("group", test.float.groups, test.int8.groups, over)),
        Section("Devices", _by("device", test.float.per_device, test.int8.per_device, over)),
        *(
            [Section("Students of single devices", device_parts(result.devices, result.tflite.bytes))]
            if result.devices
            else []
        ),
        Section("Classes", _by("class", test.float.per_class, test.int8.per_class, over)),
        *_confusion(result, over, mistakes),
    ]
    if losses := {name: values for name, values in result.losses.items() if values}:
        caption = "Measured. Training loss by epoch."
        if result.validation_course:
            caption += (
                " Beside it the accuracy on validation clips with the weights of that epoch, at some epochs; the training does "
                "not follow it."
            )
        curve = Picture(plots.training_curve(losses, result.validation_course), caption)
        sections.append(Section("Training", [curve, *_starts(result.starts)]))
    if result.loss_choice:
        sections.append(Section("Choice of the loss", _loss_choice(result.loss_choice)))
    if result.fusion:
        fused = fusion_parts(result.fusion, result.leave_one_out, result.mixing)
        sections.append(Section("Ensemble of teachers", fused))
    record = result.to_json()
    sections += [
        Section("Exported file", _onnx(result.onnx)),
        Section("Costs", [flat_table(plain(result.costs), f"{EXACT} Memories in bytes")]),
        Section("Architecture", [Preformatted(result.architecture)]),
        Section("Provenance", [flat_table({key: record[key] for key in PROVENANCE})]),
    ]
    headline = f"int8 {percent(test.int8.accuracy)} macro accuracy {over}"
    title = f"Student for {data_name(result.data)}"
    budget = result.fit.budget if result.fit else None
    return page(title, f"{headline}, {f'budget {budget}' if budget else 'no budget'}", sections, result.environment)


def _summary(result: DistillResult, over: str) -> str:
    change = points(result.test.int8.accuracy - result.test.float.accuracy)
    return (
        f"Accuracies are macro averages over the classes, measured {over}, on which nothing was selected. "
        f"Quantization to int8 changed the accuracy by {change} points."
    )


def _cards(result: DistillResult, over: str) -> Facts:
    facts: dict[str, Fact] = {}
    for kind, scores in (("int8", result.test.int8), ("float", result.test.float)):
        note = f"log loss {decimal(scores.log_loss)} nats; {over}"
        facts[f"{kind} accuracy"] = Fact(percent(scores.accuracy), note, "measured")
    for name, (label, note) in _COSTS.items():
        cost = value(result.costs, name)
        facts[label] = (
            Fact(kib(cost), f"{count(cost)} B: {note}", "exact")
            if "memory" in name
            else Fact(amount(name, cost), note, "exact")
        )
    size = result.tflite.bytes
    facts["Model file in flash"] = Fact(kib(size), f"{count(size)} B: {result.tflite.file}", "exact")
    return Facts(facts)


def _by(what: str, before: Mapping[str, float], after: Mapping[str, float], over: str) -> list[Part]:
    """Bars and a table of float and int8 accuracies by device, class or group."""
    groups = {name: {"float": v, "int8": after[name]} for name, v in before.items()}
    rows = [
        (name, percent(v["float"]), percent(v["int8"]), points(v["int8"] - v["float"])) for name, v in groups.items()
    ]
    columns = (what, "float accuracy", "int8 accuracy", "change, points")
    return [grouped_bars(groups, f"Measured {over}. Accuracy by {what}."), Table(columns, rows)]


def _starts(starts: Sequence[StartScore]) -> list[Part]:
    """Both float trainings, where the initial weights were chosen."""
    rows = [(s.source, percent(s.accuracy), decimal(s.log_loss), "yes" if s.chosen else "no") for s in starts]
    columns = ("initial weights", "accuracy on validation clips", "log loss", "chosen")
    return [Table(columns, rows, "Float students by their initial weights")] if starts else []


def _confusion(result: DistillResult, over: str, mistakes: Mistakes | None) -> list[Section]:
    matrix = result.test.int8.confusion
    shown, *rest = confusion_sections(matrix, result.classes, f"{over}, int8", mistakes)
    return [Section(shown.title, [*shown.parts, _most_confused(matrix, result.classes)]), *rest]


def _most_confused(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> Table:
    pairs = [(v, t, p, v / sum(row)) for t, row in enumerate(matrix) for p, v in enumerate(row) if t != p and v]
    top = sorted(pairs, key=lambda x: (-x[0], x[1], x[2]))[:10]
    return Table(
        ("truth", "predicted", "clips", "of its class"),
        [(classes[t], classes[p], count(v), percent(share)) for v, t, p, share in top],
        "The most frequent confusions",
    )


def _onnx(onnx: OnnxFile) -> list[Part]:
    over = f"over {count(onnx.clips)} clips"
    agreement = f"share of clips for which the file predicts the same class as the student, {over}"
    facts = {
        "ONNX agreement": Fact(percent(onnx.agreement), agreement, "measured"),
        "ONNX accuracy": Fact(percent(onnx.accuracy), f"macro, measured with the file itself, {over}", "measured"),
    }
    return [Facts(facts), flat_table({"file": onnx.file, "sha256": onnx.sha256})]


def _loss_choice(choice: LossChoice) -> list[Part]:
    """The short distillations that were compared on validation clips."""
    columns = ("alpha", "temperature", "accuracy, mean over locations", "log loss, nats", "gain, points", "chosen")
    rows = [
        (
            f"{t.alpha:g}",
            f"{t.temperature:g}",
            percent(t.accuracy),
            decimal(t.log_loss),
            f"{points(t.gain)} ± {100 * t.error:.1f}",
            "yes" if (t.alpha, t.temperature) == (choice.alpha, choice.temperature) else "",
        )
        for t in choice.trials
    ]
    caption = (
        f"Measured on validation clips, by which one was chosen, after {count(choice.epochs)} epochs each. The first row is "
        "that of the settings; another is chosen if its gain is above its standard error over locations"
    )
    return [Table(columns, rows, caption)]


def _scores(result: DistillResult, over: str) -> Table:
    """Float and int8 in one table, with what else was measured of them."""
    test, validation = result.test, result.validation
    rows = [
        (
            kind,
            percent(scores.accuracy),
            decimal(scores.log_loss),
            decimal(scores.ece),
            percent(scores.by_location),
            percent(accuracy),
        )
        for kind, scores, accuracy in (
            ("float", test.float, validation.float),
            ("int8", test.int8, validation.int8),
        )
    ]
    columns = (
        "numbers",
        "macro accuracy",
        "log loss, nats",
        "calibration error",
        "accuracy by location",
        "on validation clips",
    )
    return Table(columns, rows, f"Measured {over}; the last column on the validation clips")
