"""The model card of a distilled student: Markdown under a block of YAML, as the Hugging Face hub reads it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

import hwasc
from hwasc.cost.limits import value
from hwasc.report.formats import amount, count, decimal, percent, plural, short

if TYPE_CHECKING:
    from hwasc.students.result import DistillResult

SYNTHETIC = "synthetic"
COSTS = {
    "parameters": "parameters (batch norm unfolded, the DCASE rule)",
    "macs.torchinfo": "multiply-accumulates a clip (the DCASE rule)",
    "macs.conv": "multiply-accumulates a clip as run",
    "int8_memory.weights": "weights",
    "int8_memory.activations": "activations at their peak",
    "flash": "flash",
    "ram": "RAM from microphone to scene",
}
UNKNOWN_LICENCE = """\
The licence is unknown: whoever publishes the student chooses it, and changes `license` in the block above. It has to agree with
the licences of the data that it was trained on{others}, which hwasc does not know."""


def model_card(result: DistillResult, provenance: Mapping[str, Any] | None = None) -> str:
    """Write the model card of a student.

    Nothing in it names a folder of the machine that the student was made on.

    Args:
        result: The finished distillation.
        provenance: Of the architecture, as its file has it: the search's budget and limits.

    Returns:
        The card.
    """
    head = yaml.safe_dump(_metadata(result), sort_keys=False, allow_unicode=True, width=1_000)
    sections = {
        "Data": _data(result),
        "Figures": _figures(result),
        "Costs": _costs(result, provenance or {}),
        "Use": _use(result),
        "Limits": _limits(result),
        "Training": _training(result),
        "Licence": [UNKNOWN_LICENCE.format(others=_others(result))],
    }
    text = "".join(f"\n## {title}\n\n" + "\n\n".join(parts) + "\n" for title, parts in sections.items())
    scenes = ", ".join(map(_code, result.classes))
    frontmatter = f"---\n{head}---\n"
    return (
        f"{frontmatter}\n# Acoustic scene classifier, {plural(len(result.classes), 'scene')}\n\n"
        f"An int8 student for microcontrollers, made by hwasc {hwasc.__version__}. "
        f"It gives a clip of sound one of the scenes {scenes}.\n"
        f"{text}"
    )


def _metadata(result: DistillResult) -> dict[str, Any]:
    """The YAML block; its keys are the hub's."""
    name, test = _data_name(result), result.test.int8
    figures = {
        "accuracy": ("macro accuracy, int8", test.accuracy),
        "log_loss": ("log loss in nats, int8", test.log_loss),
        "expected_calibration_error": ("expected calibration error, int8", test.ece),
    }
    return {
        "license": "unknown",
        "library_name": "hwasc",
        "pipeline_tag": "audio-classification",
        "tags": ["acoustic-scene-classification", "tinyml", "int8", "quantized", "onnx", "tflite", "distillation"],
        "metrics": ["accuracy"],
        "model-index": [
            {
                "name": f"hwasc-{result.id}",
                "results": [
                    {
                        "task": {"type": "audio-classification", "name": "Acoustic scene classification"},
                        "dataset": {
                            "name": short(name, 100),
                            "type": re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "recordings",
                            "split": result.measured.split,
                        },
                        "metrics": [
                            {"type": kind, "name": label, "value": round(figure, 4)}
                            for kind, (label, figure) in figures.items()
                        ],
                    }
                ],
            }
        ],
    }


def _data(result: DistillResult) -> list[str]:
    m = replace(result.measured, data=_data_name(result))
    trained = f", trained on {plural(m.training, 'recording')}" if m.training else ""
    chosen = f" and chosen by {plural(m.validation, 'recording')} for validation" if m.validation else ""
    simulated = " They are simulated scenes, not recordings." if result.data == SYNTHETIC else ""
    return [
        f"Data set {_code(m.data)}{trained}{chosen}.{simulated}",
        f"Tested on {short(m.text(), 1_000)}. Splits never separate clips of one place. Nothing was chosen on the test split.",
    ]


def _figures(result: DistillResult) -> list[str]:
    f, q = result.test.float, result.test.int8
    rows = [
        (
            kind,
            _with_error(t.accuracy, t.standard_error),
            decimal(t.log_loss),
            decimal(t.ece),
            _share(t.by_location, t.locations),
        )
        for kind, t in (("int8", q), ("float, before quantization", f))
    ]
    file = (
        f"`{result.onnx.file}` in ONNX Runtime: {percent(result.onnx.accuracy)} of {plural(result.onnx.clips, 'clip')}."
    )
    groups = [(_code(g), percent(a)) for g, a in (*q.groups.items(), *q.per_device.items())]
    devices = [
        "By groups of devices and by device, each on fewer clips, so with larger errors:",
        _table(("devices", "macro accuracy, int8"), groups),
    ]
    clips = {c: sum(row) for c, row in zip(result.classes, q.confusion, strict=True)}
    scenes = [(_code(c), count(clips[c]), _share(a, clips[c])) for c, a in q.per_class.items()]
    return [
        _table(("student", "macro accuracy", "log loss, nats", "calibration error", "accuracy by place"), rows),
        "After ± stands the standard error over places, for clips of one place are alike; in the table of scenes over clips, as "
        "if they were independent.",
        file,
        _table(("scene", "test clips", "accuracy, int8"), scenes),
        *(devices if len(q.per_device) > 1 else []),
    ]


def _costs(result: DistillResult, provenance: Mapping[str, Any]) -> list[str]:
    costs = [(label, amount(name, value(result.costs, name))) for name, label in COSTS.items()]
    budget, limits = provenance.get("budget"), _budget_limits(provenance)
    columns = ("cost", "student", "limit")
    against = [
        f"The search met the budget {_code(budget)}, which counts by rules of its own:" if budget else "The limits:",
        _table(
            columns, [(_code(n), amount(n, limit - slack), amount(n, limit)) for n, (limit, slack) in limits.items()]
        ),
    ]
    return [
        _table(columns[:2], costs),
        "Counted on the graph that runs on the chip, in TensorFlow Lite Micro with reference kernels. "
        f"`{result.tflite.file}` has {count(result.tflite.bytes)} B.",
        *(against if limits else []),
    ]


def _use(result: DistillResult) -> list[str]:
    code = 'import hwasc\n\nmodel = hwasc.load("student.onnx")\nprint(model.predict("street.wav").scene)'
    return [
        f"```python\n{code.replace('student.onnx', result.onnx.file)}\n```",
        f"`{result.tflite.file}` is for TensorFlow Lite Micro, `{result.onnx.file}` for ONNX Runtime. Both take the log-mel that "
        "the architecture in their metadata states.",
    ]


def _limits(result: DistillResult) -> list[str]:
    q = result.test.int8
    found = [
        "It knows the scenes above alone, and gives any other sound one of them. It does not say that it does not know.",
        "It classifies places: it was not tested for anything else, such as speech, events or alarms.",
    ]
    if result.data == SYNTHETIC:
        found.insert(0, "It was trained and tested on simulated scenes. The figures say nothing about recordings.")
    if q.per_class:
        worst = min(q.per_class, key=lambda c: q.per_class[c])
        found.append(f"Of the scenes, {_code(worst)} is recognised least: {percent(q.per_class[worst])}.")
    if len(q.per_device) > 1:
        worst = min(q.per_device, key=lambda d: q.per_device[d])
        found.append(
            f"The recorder counts: on device {_code(worst)} the accuracy is {percent(q.per_device[worst])}. "
            "A recorder that training did not have may do worse."
        )
    if result.measured.missing:
        found.append(f"Not tested: {', '.join(map(_code, result.measured.missing))}.")
    return ["\n".join(f"- {line}" for line in found)]


def _training(result: DistillResult) -> list[str]:
    teachers = [_code(t.name) for t in result.teachers]
    taught = "Trained on labels alone"
    if teachers:
        names = f"{plural(len(teachers), 'teacher')} ({', '.join(teachers)})"
        taught = f"Distilled from {names}, whose share of the loss is {result.alpha:g}"
    elif not any(result.losses.values()):
        taught = "Quantized and calibrated, without training"
    packages = result.environment.get("packages") or {}
    versions = ", ".join(f"{name} {packages[name]}" for name in ("torch", "brevitas") if name in packages)
    made = ", ".join(filter(None, (versions, str(result.environment.get("date", "")))))
    return [
        f"{taught}; initial weights: {short(result.initial_weights.source, 100)}; seed {result.seed}. {short(made, 200)}",
        f"```text\n{result.architecture}\n```",
    ]


def _others(result: DistillResult) -> str:
    """The weights from elsewhere, which have licences of their own."""
    files = {
        t.pretrained.file if t.pretrained else t.source for t in result.teachers if t.pretrained or t.kind != "family"
    }
    names = ", ".join(_code(Path(file).name) for file in sorted(files))
    return f" and of what its teachers come from ({names})" if names else ""


def _budget_limits(provenance: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """The limits that a search noted, each with its slack. Provenance is free: what is no limit is passed over."""
    noted = provenance.get("limits")
    pairs = noted.items() if isinstance(noted, Mapping) else ()
    return {
        str(name): (found["limit"], found["slack"])
        for name, found in pairs
        if isinstance(found, Mapping) and all(isinstance(found.get(k), (int, float)) for k in ("limit", "slack"))
    }


def _data_name(result: DistillResult) -> str:
    return Path(result.data).name or result.data


def _share(share: float, number: int) -> str:
    """A share of a number of independent cases, with its binomial standard error."""
    return _with_error(share, math.sqrt(max(share * (1 - share), 0) / number) if number else 0.0)


def _with_error(share: float, error: float | None) -> str:
    return percent(share) + (f" ± {100 * error:.1f}" if error is not None else "")


def _code(text: object) -> str:
    """Foreign text that no reader of Markdown takes for markup."""
    return "`" + short(text, 100).replace("`", "'").replace("|", "\\|") + "`"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
