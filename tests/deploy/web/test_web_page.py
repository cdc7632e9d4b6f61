"""The exported page in Chromium: its logits are Python's, by file and by microphone; nothing is asked for from elsewhere."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile as sf

from hwasc.audio.reading import read_clip
from hwasc.data.extraction import log_mels
from hwasc.deploy.onnx_qcdq import Runtime
from hwasc.deploy.web.exporter import EXPORTER
from hwasc.deploy.web.runtime_files import runtime_files
from hwasc.errors import UsageError
from hwasc.testing import examples
from tests.browser import DESK, PHONE, Browser

CLASSES = ("bus <b>1</b>", "park_lake", "street & square")  # text, whatever it looks like
SHOWN = ("bus <b>1</b>", "park lake", "street & square")
RATE, CLIPS, SECONDS = examples.FRONT_END.sample_rate, 12, 60.0
LOGITS = """return (async () => {
  const { openClassifier } = await import("./classifier.js");
  const { decode, windows } = await import("./sound.js");
  const classifier = await openClassifier();
  const sound = await decode(await (await fetch("scenes.wav")).arrayBuffer(), classifier.rate);
  const found = [];
  for (const { samples } of windows(sound, classifier.seconds)) {
    const { logits, features } = await classifier.run(samples);
    const again = await classifier.classify(samples, classifier.rate);
    found.push({ logits: [...logits], features: [...features], again: [...again.logits] });
  }
  return found;
})()"""
DROP = """return (async () => {
  const data = new DataTransfer();
  data.items.add(new File([await (await fetch("scenes.wav")).blob()], "dropped.wav"));
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
})()"""
DRAWN = """
const canvas = document.getElementById(arguments[0]);
const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
return data.filter((alpha, i) => i % 4 === 3 && alpha).length / (canvas.width * canvas.height);
"""


def has_runtime() -> bool:
    try:
        return bool(runtime_files().files)
    except UsageError:
        return False


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not has_runtime(), reason="needs the npm package onnxruntime-web (`npm ci`)"),
]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None: ...


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder, as `python -m http.server` serves it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def scenes() -> npt.NDArray[np.float64]:
    """Clips of noise and tones, each of its own colour and level, in two channels."""
    rng, parts = np.random.default_rng(0), []
    for i in range(CLIPS):
        spectrum = np.fft.rfft(rng.standard_normal(RATE))
        spectrum /= (1 + np.arange(len(spectrum)) / 200) ** (i % 4 / 2)
        tone = 0.1 * np.sin(2 * np.pi * 300 * (i + 1) * np.arange(RATE) / RATE)
        parts.append(0.02 * (1 + i % 3) * np.fft.irfft(spectrum, RATE) + (i % 2) * tone)
    mono = np.concatenate(parts)
    return np.stack([mono, 0.5 * mono + 0.001 * rng.standard_normal(len(mono))], axis=1)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export, with a recording beside it."""
    folder = tmp_path_factory.mktemp("page")
    student = examples.int8_student(examples.features(folder / "features", examples.FRONT_END))
    out = EXPORTER.export(student, folder / "page", CLASSES)
    sf.write(out / "scenes.wav", scenes(), RATE, subtype="PCM_16")
    return out


@pytest.fixture(scope="module")
def address(page: Path) -> Iterator[str]:
    with served(page) as url:
        yield url


@pytest.fixture
def opened(browser: Browser, address: str) -> Iterator[Browser]:
    """The page, ready. At the end: no complaint, and no request to anywhere else."""
    allow_microphone(browser, "granted")
    browser.open(address)
    wait(lambda: text(browser, "#status") == "Ready.")
    yield browser
    assert browser.complaints() == []
    asked = browser.requests()
    assert asked and all(url.startswith(address) for url in asked)


def allow_microphone(browser: Browser, setting: str) -> None:
    permission = {"permission": {"name": "microphone"}, "setting": setting}
    browser.driver.execute_cdp_cmd("Browser.setPermission", permission)


def text(browser: Browser, selector: str) -> str:
    return str(browser.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector))


def wait(reached: Callable[[], Any]) -> None:
    end = time.monotonic() + SECONDS
    while not reached():
        assert time.monotonic() < end, "the page does not get there"
        time.sleep(0.05)


def choose(browser: Browser, file: Path, status: str) -> None:
    """Choose a recording and wait for what the page says."""
    browser.find("#file").send_keys(str(file))
    wait(lambda: status in text(browser, "#status"))


def test_the_logits_are_those_of_python(opened: Browser, page: Path) -> None:
    runtime = Runtime(page / "student.onnx")
    waves = [read_clip(page / "scenes.wav", i, 1.0, RATE) for i in range(CLIPS)]
    features = log_mels(waves, examples.FRONT_END)[0].astype(np.float32)
    expected = runtime.logits(features[:, None])
    found = opened.run(LOGITS)
    logits, again = (np.array([clip[name] for clip in found], np.float32) for name in ("logits", "again"))
    own = np.array([clip["features"] for clip in found], np.float32).reshape(features.shape)
    np.testing.assert_array_equal(logits, again)
    np.testing.assert_array_equal(logits, runtime.logits(own[:, None]))
    # The page computes the log-mel in double precision: few numbers are rounded to a neighbour of Python's.
    assert (own != features).mean() < 5e-3 and np.abs(own - features).max() < 5e-3
    assert (logits == expected).all(axis=1).sum() >= CLIPS - 2
    np.testing.assert_array_equal(logits.argmax(1), expected.argmax(1))


def test_a_recording_is_classified(opened: Browser, page: Path) -> None:
    choose(opened, page / "scenes.wav", "ms a clip")
    assert text(opened, "#status").startswith(f"scenes.wav: {CLIPS} clips.")
    scene, probability = text(opened, "#scene"), text(opened, "#probability")
    assert scene in SHOWN and text(opened, "#bars").startswith(SHOWN[0])
    assert text(opened, "#announcement") == f"Scene: {scene}, {probability}"
    shown = opened.run("return [...document.querySelectorAll('#bars li')].map((row) => row.lastChild.textContent)")
    shares = [int(share.removesuffix(" %")) for share in shown]
    assert abs(sum(shares) - 100) <= len(shares) and probability == f"{max(shares)} %"
    wait(lambda: opened.run(DRAWN, "spectrogram") == 1)
    assert opened.run(DRAWN, "scenes") > 0.3


def test_a_recording_can_be_dropped(opened: Browser) -> None:
    opened.run(DROP)
    wait(lambda: text(opened, "#status").startswith(f"dropped.wav: {CLIPS} clips."))


def test_a_recording_of_another_rate_is_resampled(opened: Browser, tmp_path: Path) -> None:
    sf.write(tmp_path / "slow.wav", scenes()[::2, 0], RATE // 2, subtype="PCM_16")
    choose(opened, tmp_path / "slow.wav", f"slow.wav: {CLIPS} clips.")


@pytest.mark.parametrize("message", ["cannot decode it", "shorter than 1 s", "silence"])
def test_what_cannot_be_classified_is_said_in_words(opened: Browser, tmp_path: Path, message: str) -> None:
    path = tmp_path / "an <i>odd name.wav"
    if message == "cannot decode it":
        path.write_bytes(b"no sound at all" * 100)
    else:
        sf.write(path, np.zeros(RATE // 2 if "shorter" in message else RATE), RATE)
    opened.find("#file").send_keys(str(path))
    wait(lambda: message in text(opened, "#error"))
    assert text(opened, "#error").startswith("an <i>odd name.wav: ") and text(opened, "#status") == ""


def test_the_microphone_by_keyboard_alone(opened: Browser) -> None:
    from selenium.webdriver.common.keys import Keys

    assert opened.tab_stops() == ["button#microphone", "button#choose"]
    button = opened.find("#microphone")
    button.send_keys(Keys.ENTER)
    wait(lambda: "ms a decision" in text(opened, "#status"))
    assert text(opened, "#scene") in SHOWN and button.text == "Stop the microphone"
    button.send_keys(Keys.ENTER)
    wait(lambda: text(opened, "#status") == "The microphone is off.")
    assert button.text == "Use the microphone"


def test_a_recording_stops_the_microphone(opened: Browser, page: Path) -> None:
    opened.find("#microphone").click()
    wait(lambda: "ms a decision" in text(opened, "#status"))
    choose(opened, page / "scenes.wav", "ms a clip")
    time.sleep(1)
    assert "ms a clip" in text(opened, "#status") and text(opened, "#microphone") == "Use the microphone"


def test_a_refused_microphone_is_said_in_words(opened: Browser) -> None:
    allow_microphone(opened, "denied")
    opened.find("#microphone").click()
    wait(lambda: text(opened, "#error").startswith("The browser or you refused the microphone."))
    assert text(opened, "#microphone") == "Use the microphone"


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_the_window(opened: Browser, page: Path, width: int, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    opened.resize(width)
    choose(opened, page / "scenes.wav", "ms a clip")
    assert opened.sticking_out() == [] and opened.run("return document.documentElement.scrollWidth") <= width
    colour = opened.run("return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (np.mean(colour) > 128) == (scheme == "light")
    opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_opened_as_a_file_it_says_what_to_do(browser: Browser, page: Path) -> None:
    browser.open(page / "index.html")
    assert "python -m http.server" in text(browser, "#status")


def test_a_file_that_is_missing_is_named(browser: Browser, page: Path, tmp_path: Path) -> None:
    shutil.copytree(page, tmp_path / "page")
    (tmp_path / "page" / "student.onnx").unlink()
    with served(tmp_path / "page") as url:
        browser.open(url)
        wait(lambda: "student.onnx: the server answers 404" in text(browser, "#error"))
