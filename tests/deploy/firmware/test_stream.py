"""scene.c: whatever pieces the samples come in, each decision is the whole clip's; its state has the predicted size."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwasc.records.front_end import FrontEnd
from tests.deploy.firmware.stream import Library, Stream

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler, cc")


def front_end(samples: int, window: int, hop: int, frames: int, n_fft: int = 16, **rest: Any) -> FrontEnd:
    return FrontEnd(
        sample_rate=1000,
        seconds=samples / 1000,
        n_fft=n_fft,
        window=window,
        hop=hop,
        mels=3,
        frames=frames,
        f_max=500.0,
        **rest,
    )


STREAMS = {
    "one decision a clip": Stream(front_end(40, 12, 4, 11), 40),
    "decisions at each frame": Stream(front_end(40, 12, 4, 11), 4),
    "half a clip": Stream(front_end(41, 11, 4, 11), 20),
    "frames that no clip has": Stream(front_end(40, 12, 4, 6), 60),
    "the clip ends before its windows do": Stream(front_end(30, 16, 3, 11), 9),
    "windows longer than the clip": Stream(front_end(10, 16, 3, 4), 3),
    "windows as long as the clip": Stream(front_end(16, 16, 4, 5), 8),
    "windows shorter than the hop": Stream(front_end(40, 4, 8, 6), 16),
    "no tail": Stream(front_end(64, 8, 4, 9), 12),
    "a hop of one": Stream(front_end(20, 6, 1, 21), 1),
    "more scratch for the net": Stream(front_end(40, 12, 4, 11), 8, net=1001, memory=8),
    "an odd window": Stream(front_end(40, 7, 4, 11, n_fft=8), 12),
    "no edges": Stream(front_end(40, 12, 5, 6, edges="none"), 10),
    "no edges, and a rest": Stream(front_end(41, 12, 3, 9, edges="none", pre_emphasis=0.9), 6),
    "no edges, windows shorter than the hop": Stream(front_end(40, 4, 9, 5, edges="none"), 18),
    "mirrored": Stream(front_end(40, 12, 4, 11, edges="reflect"), 8),
    "mirrored, one decision a clip": Stream(front_end(40, 12, 4, 11, edges="reflect"), 40),
    "mirrored, an odd window": Stream(front_end(41, 7, 3, 14, n_fft=8, edges="reflect"), 3),
    "mirrored, frames that end before the clip": Stream(front_end(40, 12, 4, 6, edges="reflect"), 12),
    "mirrored, the last frame is in the middle of the end": Stream(front_end(40, 16, 5, 9, edges="reflect"), 10),
    "mirrored at both ends": Stream(front_end(10, 15, 3, 4, edges="reflect"), 3),
    "emphasised": Stream(front_end(40, 12, 4, 10, pre_emphasis=0.9), 8),
    "emphasised and mirrored": Stream(front_end(41, 12, 4, 11, pre_emphasis=0.9, edges="reflect"), 20),
    "emphasised and mirrored, an odd window": Stream(front_end(30, 15, 3, 10, pre_emphasis=0.9, edges="reflect"), 9),
    "emphasised within frames": Stream(front_end(40, 12, 4, 11, pre_emphasis=0.9, pre_emphasis_of="frame"), 12),
}


@pytest.fixture(scope="module", params=STREAMS)
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Library:
    return STREAMS[request.param].build(tmp_path_factory.mktemp("stream"))


SAMPLES = np.random.default_rng(0).integers(-(2**15), 2**15, 150).astype(np.int16)


@settings(max_examples=20, deadline=None)
@given(pieces=st.lists(st.integers(0, 60), max_size=12))
@pytest.mark.slow
def test_any_pieces_give_the_whole_clips_decisions(library: Library, pieces: list[int]) -> None:
    expected, found, state, at = library.whole(SAMPLES), [], library.state(), 0
    for piece in [*pieces, *[1] * len(SAMPLES)]:
        n = min(piece, library.stream.hop)
        made = state.push(SAMPLES[at : at + n])
        at += n
        assert made <= 1
        found += [state.logits] * made
    assert found == expected
    once = library.state()
    assert once.push(SAMPLES) == len(expected)
    assert once.logits == (expected[-1] if expected else [0] * len(once.logits))


def test_the_size_is_predicted(library: Library) -> None:
    assert library.size == library.stream.bytes.total


def test_two_streams_do_not_meet(library: Library) -> None:
    states, found = (library.state(), library.state()), ([], [])  # type: ignore[var-annotated]
    streams = (SAMPLES, SAMPLES[::-1])
    for at in range(len(SAMPLES)):
        for state, samples, decisions in zip(states, streams, found, strict=True):
            if state.push(samples[at : at + 1]):
                decisions.append(state.logits)
    assert [*found] == [library.whole(s) for s in streams]


@pytest.mark.slow
def test_an_hour_is_no_different_from_a_moment(tmp_path: Path) -> None:
    """As many samples as an hour has at 32 kHz: nine million decisions. No counter grows with time."""
    stream = Stream(front_end(40, 12, 4, 11), 12)
    library, period = stream.build(tmp_path, "cc", "-O2"), np.tile(SAMPLES[:60], 20)  # the same again after 60 samples
    state, block, expected = library.state(), np.tile(period, 1000), library.whole(period)[-1]
    decisions, pushes = 0, -(-3600 * 32_000 // len(block))
    for _ in range(pushes):
        decisions += state.push(block)
        assert state.logits == expected, "a whole number of periods later"
        assert max(state.counters) <= max(stream.front_end.samples, stream.front_end.window, stream.hop)
    assert decisions == 1 + (pushes * len(block) - stream.front_end.samples) // stream.hop


def test_decisions_are_smoothed(tmp_path: Path) -> None:
    stream = Stream(front_end(40, 12, 4, 11), 12, smoothing=2**14)
    library = stream.build(tmp_path)
    state, expected = library.state(), np.zeros(3)
    for k, logits in enumerate(library.whole(SAMPLES)):
        state.push(SAMPLES[:40] if k == 0 else SAMPLES[28 + 12 * k : 40 + 12 * k])
        now = np.array(logits) + 3.0
        expected = now if k == 0 else (expected + now) / 2
        assert np.allclose(state.smoothed, expected, atol=1e-3)
        assert state.scene == int(np.argmax(state.smoothed))


def test_names(tmp_path: Path) -> None:
    c = STREAMS["half a clip"].build(tmp_path).c
    assert [c.scene_class_name(i) for i in (-1, 0, 2, 3)] == [b"", b"c0", b"c2", b""]


USE = """
#include "scene.h"
#include <cstdio>
static scene_state one, two;
int main() {
    float logits[SCENE_CLASSES];
    scene_init(&one);
    two = one;
    int16_t samples[1] = {5};
    std::size_t made = scene_push(&two, samples, 1);
    scene_logits(&two, logits);
    std::printf("%s %d %d\\n", scene_class_name(scene_class(&two)), static_cast<int>(made), static_cast<int>(logits[0]));
    return 0;
}
"""


@pytest.mark.parametrize(("c", "cpp"), [("gcc", "g++"), ("clang", "clang++")])
def test_it_can_be_used_from_cpp(c: str, cpp: str, tmp_path: Path) -> None:
    if not (shutil.which(c) and shutil.which(cpp)):
        pytest.skip(f"needs {c} and {cpp}")
    files = STREAMS["half a clip"].write(tmp_path)
    (tmp_path / "use.cc").write_text(USE)
    flags = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
    for file in files:
        subprocess.run([c, "-std=c99", *flags, "-c", file.name], cwd=tmp_path, check=True, timeout=60)
    objects = [f.with_suffix(".o").name for f in files]
    subprocess.run([cpp, "-std=c++11", *flags, "use.cc", *objects, "-o", "use"], cwd=tmp_path, check=True, timeout=60)
    assert subprocess.run([tmp_path / "use"], capture_output=True, text=True, timeout=60).stdout == "c0 0 0\n"


@pytest.mark.parametrize("name", STREAMS)
def test_every_processor_has_the_same_size(name: str, tmp_path: Path) -> None:
    if not shutil.which("arm-none-eabi-gcc"):
        pytest.skip("needs arm-none-eabi-gcc")
    stream = STREAMS[name]
    stream.write(tmp_path)
    (tmp_path / "size.c").write_text('#include "scene.h"\nscene_state state;\n')
    flags = ["-mcpu=cortex-m0plus", "-mthumb", "-fno-common", "-c"]
    subprocess.run(["arm-none-eabi-gcc", *flags, "size.c"], cwd=tmp_path, check=True, timeout=60)
    done = subprocess.run(["arm-none-eabi-size", "size.o"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert int(done.stdout.splitlines()[1].split()[2]) == stream.bytes.total


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (("FORMAT 2", "FORMAT 1"), "different versions of hwasc"),
        (("DECISION_HOP 20", "DECISION_HOP 21"), "must be a multiple of SCENE_HOP"),
        (("SMOOTHING 0", "SMOOTHING 40000"), "from 0 to 32767"),
        (("STATE_BYTES ", "STATE_BYTES 1"), "size_is_as_predicted"),
    ],
)
def test_wrong_numbers_do_not_compile(wrong: tuple[str, str], message: str, tmp_path: Path) -> None:
    STREAMS["half a clip"].write(tmp_path)
    header = tmp_path / "scene_model.h"
    header.write_text(header.read_text().replace(*wrong))
    done = subprocess.run(["cc", "-c", "scene.c"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and message in done.stderr
