"""The answer that a page begins with and a command ends with: asked for what, does it fit, how good, which file, how fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from hwasc.cost.fit import Fit
from hwasc.cost.limits import certainty
from hwasc.records.budget import Runtime
from hwasc.report.formats import amount, count, kib, milliseconds, percent

NAMES = {
    "parameters": "parameters",
    "parameter_memory": "memory of parameters",
    "macs.torchinfo": "MACs a clip, torchinfo rule",
    "macs.conv": "MACs a clip, as run",
    "int8_memory.weights": "weights in flash",
    "int8_memory.activations": "peak activations in RAM",
    "int8_memory.total": "weights and activations",
    "flash": "flash",
    "arena": "arena in RAM",
    "ram": "RAM from microphone to class",
    "latency_ms": "time of a clip",
}
RUNTIMES: dict[Runtime, str] = {"tflm": "TensorFlow Lite Micro", "c": "the C export"}


@dataclass(frozen=True, kw_only=True)
class Limited:
    """A cost beside its limit.

    Attributes:
        name: Of the cost.
        value: The cost, as it is shown.
        limit: The limit, as it is shown; empty where there is none.
        share: The cost as a share of the limit, 0..1, above 1 where it is exceeded; None where there is no limit.
        known: `exact`, `measured` or `estimate`.
        note: What it consists of.
    """

    name: str
    value: str
    limit: str = ""
    share: float | None = None
    known: str = "exact"
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """A macro accuracy.

    Attributes:
        name: Whose.
        share: 0..1.
        error: Its standard error, 0..1; None where it is not known.
    """

    name: str
    share: float
    error: float | None = None

    @property
    def text(self) -> str:
        """The accuracy with its error, e.g. `73.3 % ± 1.9`."""
        return percent(self.share) + ("" if self.error is None else f" ± {100 * self.error:.1f}")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The answer.

    Attributes:
        macro: Macro of `templates/parts.html.j2` that renders the part.
        state: Whether the budget is met: `met`, `exceeded`, or `open` where nothing is limited.
        answer: The same in a sentence; where the question is about no net for the chip, what was found.
        asked: What was asked for: data and budget.
        over: What the accuracies were measured on, or why there are none.
        limits: Every limit, and the RAM from microphone to class; empty where the question is about no net for the chip.
        accuracies: The model's, what it is compared with, and chance.
        file: Which file goes on the chip; empty where the question is about no file.
        time: How long a clip takes there; empty where the question is about no net for the chip.
    """

    macro: ClassVar[str] = "verdict"
    state: Literal["met", "exceeded", "open"]
    answer: str
    asked: str
    over: str
    limits: Sequence[Limited] = ()
    accuracies: Sequence[Accuracy] = ()
    file: str = ""
    time: str = ""


def state(fit: Fit) -> Literal["met", "exceeded", "open"]:
    """Whether an architecture meets its budget."""
    return "open" if not fit.checks else "exceeded" if fit.exceeded else "met"


def answer(fit: Fit) -> str:
    """Whether an architecture meets its budget, in a sentence."""
    name, checks = fit.budget or "the budget", fit.checks
    if not checks:
        return "No budget is known, so nothing is limited."
    if not fit.exceeded:
        tight = min(checks, key=lambda c: c.slack / c.limit)
        return (
            f"Fits {name}: {'every limit' if len(checks) > 1 else 'its one limit'} is met. The tightest is "
            f"{NAMES.get(tight.name, tight.name)}, with {percent(tight.slack / tight.limit)} left."
        )
    which = "; ".join(
        f"{NAMES.get(c.name, c.name)} is {amount(c.name, c.value)}, over its limit by {amount(c.name, -c.slack)}"
        for c in fit.exceeded
    )
    return f"Does not fit {name}: {which}."


def limits(fit: Fit, *, written: bool = False) -> list[Limited]:
    """Every limit with its cost, and the RAM from microphone to class in any case.

    Args:
        fit: The comparison.
        written: Whether the .tflite file is written, so that its size is no estimate.

    Returns:
        A row each.
    """
    parts = "; ".join(f"{name} {kib(size)}" for name, size in fit.ram_parts.items() if size)
    rows = []
    for c in fit.checks:
        weighed = written and c.name == "flash" and fit.runtime == "tflm"
        rows.append(
            Limited(
                name=NAMES.get(c.name, c.name),
                value=amount(c.name, c.value),
                limit=amount(c.name, c.limit),
                share=c.value / c.limit,
                known="measured" if weighed else certainty(c.name, fit.runtime),
                note=parts if c.name == "ram" else "",
            )
        )
    if all(c.name != "ram" for c in fit.checks):
        chip = f"; the chip has {kib(fit.chip.ram)}" if fit.chip else ""
        rows.append(
            Limited(
                name=NAMES["ram"], value=amount("ram", fit.ram), known=certainty("ram", fit.runtime), note=parts + chip
            )
        )
    return rows


def time(fit: Fit) -> str:
    """How long a clip takes on the chip, in a sentence."""
    if fit.time is None:
        core = f"There is no estimate for the core {fit.chip.core}." if fit.chip else "The budget names no chip."
        return f"Not estimated. {core if fit.budget else 'No budget is known that names a chip.'}"
    t = fit.time
    about = f"{milliseconds(t.milliseconds)} (estimate, {milliseconds(t.low)} to {milliseconds(t.high)})"
    what = "Front end and net" if t.front_end else "The net, without its front end"
    late = f" That is longer than the clip of {t.seconds:g} s itself." if t.milliseconds > 1000 * t.seconds else ""
    return f"{about} on {t.target} at {t.clock_mhz:g} MHz in {RUNTIMES[fit.runtime]}. {what}.{late}"


def chance(classes: int) -> Accuracy:
    """What guessing reaches."""
    return Accuracy(name="chance", share=1 / max(classes, 1))


def sized(name: str, size: int | None) -> str:
    """A file with its size.

    Args:
        name: The file.
        size: Bytes; None: not known.

    Returns:
        Both, e.g. `student.tflite, 40.3 KiB (41,312 B)`.
    """
    return name if size is None else f"{name}, {kib(size)} ({count(size)} B)"
