"""The verdict: the limited figures are the ones shown, nothing that was not counted is, and pages and terminal say the same."""

from __future__ import annotations

import dataclasses
import re

import pytest

from hwasc import cost
from hwasc.cli.verdict_lines import print_verdict
from hwasc.cost.fit import fit
from hwasc.cost.limits import resolve
from hwasc.records.budget import Budget
from hwasc.records.presets import cp_mobile, dcase2024_baseline
from hwasc.records.searched_for import KEY, budget_of, provenance_of
from hwasc.report import formats, reports
from hwasc.report.profiling import flat_table
from hwasc.report.verdicts import distill_verdict, prediction_verdict, teach_verdict
from hwasc.students.prediction import Classified, Predictions, Skipped
from tests.report.examples import FUSION, check_page, distilled, summary, trials
from tests.report.examples import search as search_page

NET = cp_mobile(base=8)


def fitted(budget: str):
    return fit(NET, resolve(Budget.load(budget)))


def test_a_student_is_shown_beside_every_limit_of_its_search() -> None:
    found = fitted("stm32l4")
    text = reports.distill_report(distilled(["a", "b"], fit=found))
    shown = " ".join(check_page(text).text.split())
    for check in found.checks:
        assert f"{formats.amount(check.name, check.value)} of {formats.amount(check.name, check.limit)}" in shown
    assert "Fits stm32l4" in shown and "cortex-m4 at 80 MHz" in shown and "54,321 B" in shown
    assert shown.index("Fits stm32l4") < shown.index("Summary Accuracies")


def test_a_written_file_replaces_its_estimate() -> None:
    budget = Budget.load("dcase2024")
    flash = {"flash": {"max": 60_000}}
    limited = dataclasses.replace(budget, limits=dataclasses.replace(budget.limits, **_limits(flash)))
    found = fit(NET, resolve(limited))
    row = next(r for r in distill_verdict(distilled(["a"], fit=found)).limits if r.name == "flash")
    assert row.value.startswith("54,321 B") and row.known == "measured"
    assert next(c for c in found.checks if c.name == "flash").value == cost.measure(NET).model_file


def _limits(values: dict) -> dict:
    from hwasc.records import schema
    from hwasc.records.budget import Limits

    return {name: getattr(schema.parse(Limits, values, "limits"), name) for name in values}


def test_an_exceeded_limit_is_named_with_its_excess() -> None:
    found = fitted("stm32l4")
    tight = dataclasses.replace(found, checks=[dataclasses.replace(c, limit=c.value - 16) for c in found.checks])
    verdict = distill_verdict(distilled(["a"], fit=tight))
    assert verdict.state == "exceeded" and verdict.answer.startswith("Does not fit stm32l4")
    assert "RAM from microphone to class" in verdict.answer and "over its limit by 16 B" in verdict.answer


def test_the_memory_of_audio_and_front_end_is_counted() -> None:
    for budget in ("stm32l4", "dcase2024"):
        found = fitted(budget)
        assert sum(found.ram_parts.values()) == found.ram
        assert found.ram == (resolve(Budget.load(budget)).measure(NET)).ram
        row = next(r for r in distill_verdict(distilled(["a"], fit=found)).limits if r.name.startswith("RAM"))
        assert formats.size(found.ram) == row.value and row.note


def test_without_a_budget_nothing_is_claimed_to_fit() -> None:
    verdict = distill_verdict(distilled(["a", "b"], fit=fit(NET)))
    assert verdict.state == "open" and "No budget" in verdict.answer and "Not estimated" in verdict.time
    assert [a.name for a in verdict.accuracies] == [
        "int8, as on the chip",
        "float",
        "ensemble (z1+z2)",
        "chance",
    ]
    assert verdict.accuracies[-1].share == 0.5


def test_a_slow_net_is_called_slow() -> None:
    found = fit(dcase2024_baseline(), resolve(Budget.load("stm32l4")))
    assert found.time is not None and found.time.milliseconds > 1000
    assert "longer than the clip" in distill_verdict(distilled(["a"], fit=found)).time


def test_nothing_that_was_not_counted_is_shown() -> None:
    text = reports.distill_report(distilled(["a"], costs=cost.measure(NET)))
    assert "latency_ms" not in text and not re.search(r"<td[^>]*>None<", text)
    assert flat_table({"a": None, "b": {"c": None, "d": 1}}).rows == [("b.d", 1)]


def test_long_times_are_whole_numbers() -> None:
    assert formats.amount("latency_ms", 1154.3) == "1,154 ms" and formats.amount("latency_ms", 38.24) == "38.2 ms"


def test_a_search_shows_the_budget_that_its_winner_names() -> None:
    shown = check_page(search_page(trials(5), {"macs.torchinfo": 30_000_000})).text
    assert "MACs a clip, torchinfo rule" in shown and "of 30,000,000" in shown


@pytest.mark.parametrize("name", ["stm32l4", "dcase2024"])
def test_an_architecture_file_keeps_its_budget(name: str) -> None:
    budget = Budget.load(name)
    about = provenance_of(budget)
    assert None not in about[KEY]["limits"].values()
    assert budget_of(about, "best.json") == budget
    assert budget_of({"budget": name}, "best.json") == budget, "files of versions before have its name only"
    assert budget_of({"budget": "mine"}, "best.json") is None and budget_of({}, "best.json") is None


def test_the_terminal_says_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    verdict = distill_verdict(distilled(["a", "b"], fit=fitted("stm32l4")))
    print_verdict(verdict)
    shown = capsys.readouterr().out
    for text in (verdict.asked, verdict.answer, verdict.file, verdict.time, verdict.over):
        assert text in shown
    for row in verdict.limits:
        assert row.value in shown and row.limit in shown


def test_commands_in_its_text_are_code_and_other_text_is_escaped() -> None:
    from hwasc.report.page import _commands

    assert _commands("<b> `hwasc x <y>` in `z") == "&lt;b&gt; <code>hwasc x &lt;y&gt;</code> in <code>z</code>"
    assert _commands("none") == "none"


def test_teachers_are_compared_with_the_best_one_and_the_mean() -> None:
    rows = [*FUSION[:2], dataclasses.replace(FUSION[2], standard_error=0.021)]
    verdict = teach_verdict(summary(fusion=rows, view="z1+z2"))
    assert "z1+z2 of 1 teacher: +6.0 points against the best of them alone (crnn) and +1.0 points" in verdict.answer
    assert [a.text for a in verdict.accuracies] == ["56.0 % ± 2.1", "50.0 %", "33.3 %"]
    text = check_page(reports.teach_report(summary(fusion=rows, view="z1+z2"))).text
    assert verdict.answer in text and "File for the chip" not in text and "Fits" not in text


def test_scenes_of_recordings_are_counted() -> None:
    def one(name: str, scene: str, sure: float) -> Classified:
        return Classified(
            file=f"/x/{name}.wav", scene=scene, probability=sure, probabilities=(sure, 1 - sure), windows=()
        )

    found = Predictions(
        model="runs/a/student.tflite",
        runtime="tflm",
        architecture="a",
        classes=("bus", "park"),
        seconds=1.0,
        every=0.5,
        files=(one("1", "park", 0.9), one("2", "bus", 0.4), one("3", "park", 0.8)),
        skipped=(Skipped(file="4.wav", reason="short"),),
    )
    verdict = prediction_verdict(found)
    assert verdict.answer == (
        "3 recordings: park 2, bus 1. The least certain is 2.wav, bus with 40.0 %. Recordings or windows left out: 1."
    )
    assert verdict.asked == "The scenes of recordings by student.tflite in tflm, one of 2 scenes every 0.5 s."
    assert "hwasc evaluate" in verdict.over and not verdict.limits and not verdict.file


def test_a_verdict_without_a_net_says_nothing_of_a_chip(capsys: pytest.CaptureFixture[str]) -> None:
    print_verdict(teach_verdict(summary(view="z1+z2")))
    shown = capsys.readouterr().out
    assert "found" in shown and not re.search(r"^(fits|file|a clip)", shown, re.MULTILINE)
