"""Every kind of page in Chromium: on a phone, on a desk and on paper; with the keyboard; its links and players used."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hwasc.cost.fit import fit
from hwasc.cost.limits import resolve
from hwasc.data.clips import Clip
from hwasc.data.features import Features
from hwasc.deploy.profiling import CrossCheck
from hwasc.records.budget import Budget
from hwasc.records.front_end import FrontEnd
from hwasc.records.presets import cp_mobile, dcase2024_baseline
from hwasc.report import reports
from hwasc.report.mistakes import mistakes
from hwasc.report.predicting import prediction_report
from hwasc.students.clip_predictions import ClipPredictions
from hwasc.students.evaluation import Evaluation, NoisyMetrics
from hwasc.students.prediction import Predictions, classified
from hwasc.students.result import TestMetrics
from hwasc.training.metrics import measure_logits
from tests.browser import DESK, PHONE, Browser
from tests.report.examples import MEASURED, NASTY, distilled, profile, search, summary, trials

if TYPE_CHECKING:
    from hwasc.workspace import Workspace

NET = cp_mobile(base=8)
pytestmark = pytest.mark.slow  # a browser is started, and every kind of page is made
KINDS = ("search", "distill", "profile", "profile_c", "evaluate", "predict", "teach")


def wrong_at_times(features: Features) -> np.ndarray:
    """Logits of a model that is right on two clips of three."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(len(features), len(features.classes))).astype(np.float32)
    logits[np.arange(len(features)), features.labels] += 2.5
    return logits


@pytest.fixture(scope="module")
def predictions(tiny_workspace: Workspace) -> ClipPredictions:
    features = tiny_workspace.features(tiny_workspace.dataset.test, FrontEnd.for_clip(40, 17), "test")
    return ClipPredictions(root=tiny_workspace.dataset.root, features=features, logits=wrong_at_times(features))


@pytest.fixture(scope="module")
def pages(predictions: ClipPredictions, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    features, classes = predictions.features, list(predictions.features.classes)
    scores = measure_logits(predictions.logits, features, ["a"])
    table = folder / "predictions.csv"
    predictions.write_csv(table)
    arms = resolve(Budget.load("stm32l4"))

    def shown(page: str, embed: int = 0) -> Any:
        return mistakes(predictions, folder / page, table, embed=embed)

    mixing = {"scene": {c: {"crnn": 0.7, NASTY: 0.3} for c in classes}, "device": {"a": {"crnn": 1.0, NASTY: 0.0}}}
    evaluation = Evaluation(
        model="student.tflite",
        runtime="tflm 1",
        architecture=NET.id,
        classes=tuple(classes),
        measured=MEASURED,
        metrics=scores,
        noisy=tuple(NoisyMetrics(noise=n, snr=s, metrics=scores) for n in ("white", "pink") for s in (20.0, 0.0)),
        fit=fit(NET, arms),
    )
    student = distilled(
        classes,
        test=TestMetrics(float=scores, int8=scores),
        fit=fit(NET, arms),
        mixing=mixing,
        losses={"float": [2.0, 1.5, 1.2], "qat": [1.3, 1.2]},
    )
    texts = {
        "search": search(trials(40), {"macs.torchinfo": 30_000_000, "int8_memory.activations": 65_536}),
        "distill": reports.distill_report(student, shown("distill.html", embed=2)),
        "profile": profile(
            dcase2024_baseline(),
            fit(dcase2024_baseline(), resolve(Budget.load("dcase2024"))).checks,
            cross_checks=[CrossCheck(tool="thop", macs=32_700_000, explanation=NASTY)],
            provenance={"run": {"data": "x" * 200}},
        ),
        "profile_c": profile(NET, fit(NET, arms).checks, firmware=arms.measure(NET).firmware),
        "evaluate": reports.evaluation_report(evaluation, None, shown("evaluate.html")),
        "predict": prediction_report(recordings(features), FrontEnd.for_clip(40, 17)),
        "teach": reports.teach_report(summary(mixing=mixing)),
    }
    found = {}
    for name, text in texts.items():
        found[name] = folder / f"{name}.html"
        found[name].write_text(text)
    return found


def recordings(features: Features) -> Predictions:
    rng = np.random.default_rng(0)
    files = [
        classified(str(c.path), [0.0], rng.normal(size=(1, 10)), classes=features.classes, seconds=1.0)
        for c in features.clips[:3]
    ]
    return Predictions(
        model="student.tflite",
        runtime="tflm 1",
        architecture=NET.id,
        classes=features.classes,
        seconds=1.0,
        every=1.0,
        files=tuple(files),
    )


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_stays_within_the_window_and_asks_for_nothing(
    kind: str, width: int, pages: dict[str, Path], browser: Browser
) -> None:
    browser.open(pages[kind], width)
    assert browser.run("return document.documentElement.clientWidth") == width
    assert browser.sticking_out() == []
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.complaints() == [] and browser.requests() == []


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_cut_on_paper(kind: str, pages: dict[str, Path], browser: Browser) -> None:
    browser.open(pages[kind])
    assert browser.cut_on_paper() == []
    with browser.on_paper():
        assert browser.sticking_out() == []
    assert browser.pdf().startswith(b"%PDF")


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("kind", ["distill", "evaluate", "teach"])
def test_bars_and_their_figures_are_seen_whole(kind: str, width: int, pages: dict[str, Path], browser: Browser) -> None:
    """Each figure beside its bar is inside of the window, and bars start at one line and are as long as they say."""
    browser.open(pages[kind], width)
    bars = browser.run(
        "return [...document.querySelectorAll('.bars')].map(list => [...list.querySelectorAll('.bar:has(i)')].map(bar => {"
        "const track = bar.getBoundingClientRect(), fill = bar.querySelector('i').getBoundingClientRect(),"
        "figure = bar.nextElementSibling.getBoundingClientRect();"
        "return [track.left, fill.left, track.right, figure.left, figure.right, fill.width / track.width,"
        "bar.nextElementSibling.textContent]}))"
    )
    assert any(bars)
    for rows in bars:
        for track, fill, end, figure, figure_end, share, figure_text in rows:
            assert track == fill == rows[0][0] and end <= figure and figure_end <= width
            if "%" in figure_text and "±" not in figure_text:
                assert share == pytest.approx(float(figure_text.replace("%", "")) / 100, abs=0.01)


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_a_cell_of_the_matrix_leads_to_its_clips(width: int, pages: dict[str, Path], browser: Browser) -> None:
    browser.open(pages["evaluate"], width)
    seen = "return [...document.querySelectorAll('.clips li')].filter(e => e.getClientRects().length).map(e => e.innerText)"
    everything = browser.run(seen)
    cells = browser.driver.find_elements("css selector", ".confusion a")
    assert len(everything) > len(cells) > 5
    for cell in (cells[0], cells[-1]):
        clips, rest = cell.get_attribute("aria-label").split(" of ", 1)
        truth, predicted = rest.replace("clips", "").split(" taken for ")
        cell.click()
        found = browser.run(seen)
        assert len(found) == int(clips.split()[0])
        assert all(f"{truth} taken for {predicted}" in text for text in found)
        heading = browser.find(".pair:target")
        assert truth in heading.text and 0 <= heading.rect["y"] - browser.run("return scrollY") < 900
        heading.find_element("link text", "Show all pairs").click()
        assert browser.run(seen) == everything
    assert browser.complaints() == [] and browser.requests() == []


PLAY = """
const [player, done] = arguments;
player.onerror = () => done('error: ' + player.error.message);
player.ontimeupdate = () => { if (player.currentTime > 0.05) done('plays'); };
player.play().catch(e => done(String(e)));
setTimeout(() => done('silent'), 10000);
"""


@pytest.mark.parametrize("kind", ["evaluate", "distill"])
def test_a_clip_is_heard(kind: str, pages: dict[str, Path], browser: Browser) -> None:
    """A page from the disk plays the user's files, or the copies in it: the first two of this distillation are copies."""
    browser.open(pages[kind])
    players = browser.driver.find_elements("css selector", ".clips audio")
    for player, copied in zip(players[1:3], (kind == "distill", False), strict=True):
        assert player.get_attribute("src").startswith("data:") == copied
        browser.driver.set_script_timeout(15)
        assert browser.driver.execute_async_script(PLAY, player) == "plays"
    assert browser.complaints() == []
    assert all(url.startswith("file:") for url in browser.requests())
    pictures = "return [...document.querySelectorAll('.clips img')].every(i => i.complete && i.naturalWidth)"
    assert browser.run(pictures)


def test_the_tab_key_reaches_cells_files_and_players(pages: dict[str, Path], browser: Browser) -> None:
    browser.open(pages["evaluate"])
    stops = browser.tab_stops()
    kinds = [stop.split(" ")[0] for stop in stops]
    reached = browser.run(
        "return window.tabbed.map(e => e.closest('.confusion') && e.tagName === 'A' ? 'cell'"
        " : e.tagName === 'AUDIO' ? 'player' : e.closest('nav') ? 'nav' : '')"
    )
    for kind, selector in (("cell", ".confusion a"), ("player", ".clips audio"), ("nav", "nav a")):
        assert reached.count(kind) == len(browser.driver.find_elements("css selector", selector)), kind
    assert kinds[0] == "a"


def test_a_clip_of_a_long_recording_plays_its_part_alone(
    predictions: ClipPredictions, tmp_path: Path, browser: Browser
) -> None:
    import soundfile

    wave = np.random.default_rng(0).normal(0, 0.1, 4 * 16_000)
    soundfile.write(tmp_path / "long one.wav", wave, 16_000)
    first = predictions.features.clips[0]
    long = Clip(**{**{k: getattr(first, k) for k in first.__slots__},
                   "id": "long one.wav#2", "path": tmp_path / "long one.wav", "start": 2.0})  # fmt: skip
    one = dataclasses.replace(predictions, root=tmp_path)
    features = predictions.features
    own = Features(features.path, features.shape, [long, *features.clips[1:]], features.classes, features.hashes)
    logits = np.zeros_like(predictions.logits)
    logits[0, (own.labels[0] + 1) % len(own.classes)] = 9
    page = tmp_path / "p.html"
    part = mistakes(dataclasses.replace(one, features=own, logits=logits), page, tmp_path / "p.csv")
    scores = measure_logits(logits, own, ["a"])
    result = distilled(list(own.classes), test=TestMetrics(float=scores, int8=scores))
    page.write_text(reports.distill_report(result, part))
    browser.open(page)
    player = browser.find(".clips audio")
    assert "2 to 3 s" in browser.find(".clips .from").text
    browser.driver.set_script_timeout(15)
    stopped = (
        "const [p, done] = arguments; p.onpause = () => done(p.currentTime); p.play(); setTimeout(() => done(-1), 9000)"
    )
    assert browser.driver.execute_async_script(stopped, player) == pytest.approx(3, abs=0.3)
