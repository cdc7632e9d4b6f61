"""Pages: well-formed, self-contained, every foreign text escaped, and the figures of the results in them."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from hwasc.cost.frontend import front_end_costs
from hwasc.deploy.profiling import Arena, CrossCheck
from hwasc.ensemble.fusion import FusionRow
from hwasc.ensemble.leave_one_out import LeaveOneOutRow
from hwasc.ensemble.teacher_summary import TeacherSummary
from hwasc.nas.trial import Refined, best, best_refined
from hwasc.records.front_end import FrontEnd
from hwasc.records.presets import cp_mobile, dcase2024_baseline
from hwasc.report import formats, plots, reports
from hwasc.report.page import Fact, Facts, Meter, Paragraph, Picture, Section, Table, page
from hwasc.students.evaluation import Evaluation, NoisyMetrics
from hwasc.students.result import (
    TestMetrics,
)
from tests.report.examples import (
    CHECKS,
    ENVIRONMENT,
    MEASURED,
    NASTY,
    check_page,
    distilled,
    metrics,
    profile,
    search,
    summary,
    trials,
)


def test_profile_report():
    text = profile(
        dcase2024_baseline(),
        CHECKS,
        cross_checks=[CrossCheck(tool="thop", macs=32_700_000, explanation=NASTY)],
        provenance={"run": {"data": NASTY, "clips": 10}},
    )
    shown = check_page(text).text
    assert "61,148" in shown and "29,419,156" in shown and "206.0 KiB" in shown and "exact" in shown
    assert "Does not fit board <1>: peak activations in RAM" in shown and "14,336 B (14.0 KiB)" in shown
    macs = front_end_costs(dcase2024_baseline().front_end).macs.total
    assert "window 3,072, hop 500" in shown and f"{macs:,}" in shown and "Estimates beside" in shown
    assert "run.data" in shown and "<script>" in shown and "<script>" not in text


def test_profile_report_of_a_file():
    ones = dict.fromkeys(
        ("file", "head", "tail", "total", "predicted_head", "greedy_head", "offline_head", "lower_bound"), 1
    )
    arena = Arena(runtime=NASTY, planner="offline", smallest=12_345, **ones)
    shown = check_page(profile(dcase2024_baseline(), [], arena=arena)).text
    assert "12,345" in shown and "measured" in shown and shown.count("Exact.") >= 3  # both plans are drawn
    assert "offline plan" in shown


def test_profile_report_without_budget():
    shown = check_page(profile(cp_mobile(base=8), [])).text
    assert "No budget" in shown and "Cross-checks" not in shown


@pytest.mark.parametrize("n", [1, 2, 60])
@pytest.mark.parametrize("limits", [{}, {"macs.torchinfo": 30_000_000, "int8_memory.activations": 10**9}])
def test_search_report(n, limits):
    found = trials(n)
    shown = check_page(search(found, limits)).text
    assert "window 3,072, hop 500" in shown and "5,023,525" in shown
    assert formats.percent(best(found).accuracy) in shown and "1,500 validation clips" in shown
    assert "+1.0 points against the plain mean" in shown


def test_search_report_shows_what_each_teacher_brings():
    row = {"accuracy": 0.5, "log_loss": 1.2, "accuracy_gain": 0.02, "log_loss_gain": 0.1, "standard_error": 0.03}
    left = [
        LeaveOneOutRow(**{**row, "name": "good", "helps": True}),
        LeaveOneOutRow(**{**row, "name": NASTY, "log_loss_gain": -0.1, "helps": False}),
    ]
    alone = [
        FusionRow(name=n, accuracy=a, log_loss=1.0, ece=0.1) for n, a in (("good", 0.613), (NASTY, 0.4), ("mean", 0.52))
    ]
    mixing = {"scene": {"park": {"good": 0.9, NASTY: 0.1}, "tram": {"good": 0.6, NASTY: 0.4}}, "device": {}}
    about = {"fusion": alone, "mixing": mixing, "leave_one_out": left}
    text = search(trials(5), {}, teachers=summary(**about))
    shown = check_page(text).text
    assert "no worse without <script>alert" in shown and "+0.100 ± 0.030" in shown
    cells = [formats.percent(0.613), "1.000", formats.percent(0.5), "+2.0", "+0.100 ± 0.030", formats.percent(0.75)]
    assert " ".join(["good", *cells]) in " ".join(shown.split()), "alone, without it, and z1's mean weight over scenes"
    shown = check_page(search(trials(5), {}, teachers=summary(**{**about, "leave_one_out": left[:1]}))).text
    assert "is worse without any of them" in shown


def test_a_page_about_teachers_shows_the_weights_of_z1():
    trained = TeacherSummary(
        name="crnn",
        kind="family",
        source="crnn",
        width=16,
        front_end=FrontEnd.for_clip(64, 33),
        receptive_field=(38, 16),
        global_context="all frames",
        parameters=12_345,
        macs=7,
    )
    external = TeacherSummary(name=NASTY, kind="logits", source="x.csv", hash="h")
    names = ("crnn", NASTY, "mean", "z1", "z2", "z1+z2")
    result = summary(
        teachers=[trained, external],
        fusion=[FusionRow(name=n, accuracy=0.5, log_loss=1.0, ece=0.1) for n in names],
        mixing={"scene": {"park": {"crnn": 0.731, NASTY: 0.269}}, "device": {"s1": {"crnn": 0.04, NASTY: 0.96}}},
    )
    text = reports.teach_report(result)
    shown = check_page(text).text
    assert (
        "mean weight of each teacher by scene" in shown
        and "by device" in shown
        and "from x.csv" in shown
        and "12,345" in shown
        and "38 x 16 and all frames" in shown
    )
    assert ">73<" in text and ">27<" in text and ">96<" in text and ">4<" not in text  # a part too narrow has no figure


def test_search_report_with_second_scores():
    found = trials(10)
    again = [dataclasses.replace(t, accuracy=t.accuracy / 2 + 0.01 * i) for i, t in enumerate(found[:3])]
    text = search(found, {}, rescored=again)
    shown = check_page(text).text
    assert "Second scores" in shown and "The best few by their first score" in shown
    assert text.count("second score, longer training") >= 2  # in both pictures


@pytest.mark.parametrize("accuracy", [0.0, 0.987])
def test_search_report_with_refined_nets(accuracy):
    found, a = trials(10), cp_mobile(base=8)
    t = best(found)
    pruned = Refined(
        number=t.number,
        origin=t.id,
        before=t.accuracy,
        id=a.id,
        architecture=a,
        accuracy=accuracy,
        float_accuracy=0.5,
        standard_error=0.01,
        parameters=4_321,
        macs=5,
        memory=6,
        weights=7,
        max_cost_ratio=1.52,
        epochs=30,
        seconds=9.0,
        seed=0,
        score=accuracy,
        score_error=0.01,
        before_score=t.accuracy,
    )
    shown = check_page(
        search(found, {}, rescored=found, refined=[pruned], chosen_refined=best_refined([pruned], t))
    ).text
    assert "as many epochs (30;" in shown and "the same 1,500 validation clips" in shown and "4,321" in shown
    assert ("takes its place" in shown) is (accuracy > 0.9) is not ("none was chosen" in shown)


@pytest.mark.parametrize("n", [2, 10, 50])
def test_distill_report(n):
    text = reports.distill_report(distilled([f"{NASTY} {i}" for i in range(n)]))
    shown = check_page(text).text
    assert "50.0 %" in shown and "\u22121.2 points" in shown and "99.8 %" in shown and "<script>" not in text
    assert "measured" in shown and "exact" in shown and f"{n * (n + 3):,} test clips" in shown
    assert "54,321 B" in shown and "random weights" in shown and "53.0 %" in shown


def test_distill_report_shows_the_calibration_errors():
    classes = ["a", "b"]
    test = TestMetrics(float=metrics(classes, 0.5), int8=metrics(classes, 0.5, ece=0.2345))
    shown = check_page(reports.distill_report(distilled(classes, test=test))).text
    assert "0.234" in shown and "0.070" in shown and "calibration error" in shown


def test_distill_report_without_teachers():
    shown = check_page(reports.distill_report(distilled(["a", "b"], fusion=[], losses={}))).text
    assert "Ensemble of teachers" not in shown and "Training" not in shown


def test_validation_accuracies_stand_beside_the_losses():
    course = {"float": [(1, 0.31), (2, 0.472)]}
    text = reports.distill_report(distilled(["a", "b"], validation_course=course))
    shown = check_page(text).text
    assert "macro accuracy, validation" in shown and "the training does not follow it" in shown
    assert "macro accuracy, validation" not in check_page(reports.distill_report(distilled(["a", "b"]))).text


def test_evaluation_report():
    classes = ["bus", NASTY]
    noisy = tuple(
        NoisyMetrics(noise=noise, snr=snr, metrics=metrics(classes, 0.4))
        for noise in ("white", NASTY)
        for snr in (20.0, 0.0)
    )
    result = Evaluation(
        model=NASTY,
        runtime="tflm 1",
        architecture="a" * 12,
        classes=tuple(classes),
        measured=MEASURED,
        metrics=metrics(classes, 0.512),
        noisy=noisy,
    )
    text = reports.evaluation_report(result, ENVIRONMENT)
    shown = check_page(text).text
    assert "51.2 % macro accuracy over 10 test clips" in shown and "of 12 locations" in shown and "20 dB" in shown
    assert "<script>" not in text and "Noise" in shown
    assert "4 clips at 2 locations are left out" in shown
    without = check_page(reports.evaluation_report(dataclasses.replace(result, noisy=()))).text
    assert "Noise" not in without


@pytest.mark.slow
def test_same_input_same_bytes():
    architecture = cp_mobile(base=8)
    assert profile(architecture, CHECKS) == profile(architecture, CHECKS)
    assert search(trials(2), {}) == search(trials(2), {})
    result = distilled(["a", "b"])
    assert reports.distill_report(result) == reports.distill_report(result)


def test_page_needs_no_matplotlib():
    code = "import sys, hwasc.report.page; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_table_alignment_and_meter():
    table = Table(
        ("name", "bytes", "share", "word"),
        [("a", "1,024 B (1.0 KiB)", Meter(1.2), "x"), ("b", None, Meter(0.5), "2")],
        marked=[1],
    )
    text = page(
        "t", "s", [Section("one", [table, Facts({"k": Fact("v"), "n": Fact("1", "note", "measured")}), Paragraph("p")])]
    )
    check_page(text)
    assert '<th scope="col" class="n">bytes</th>' in text and '<th scope="col">word</th>' in text
    assert "meter over" in text and text.count('class="mark"') == 1


def test_pictures_of_one_page_share_no_ids():
    picture = plots.training_curve({"a": [1.0, 0.5, 0.4]})
    check_page(page("t", "s", [Section("one", [Picture(picture, NASTY), Picture(picture, "second")])]))
