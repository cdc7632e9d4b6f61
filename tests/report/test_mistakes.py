"""The clips behind the cells of a confusion matrix: which are listed, how a page reaches their sound, what pictures show."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import numpy as np
import pytest
import soundfile

from hwasc.data.clips import Clip
from hwasc.report import mistakes as module
from hwasc.report.confusion import Confusion
from hwasc.report.mistakes import mistakes, note
from hwasc.report.sounds import RATE, excerpt, link, small_copy
from hwasc.report.spectrogram import MOST, spectrogram
from hwasc.students.clip_predictions import ClipPredictions

if TYPE_CHECKING:
    from hwasc.workspace import Workspace


@pytest.fixture(scope="module")
def predictions(tiny_workspace: Workspace) -> ClipPredictions:
    """Random logits of the tiny test clips."""
    from hwasc.records.front_end import FrontEnd

    features = tiny_workspace.features(tiny_workspace.dataset.test, FrontEnd.for_clip(40, 17), "test")
    logits = np.random.default_rng(0).normal(size=(len(features), len(features.classes))).astype(np.float32)
    return ClipPredictions(root=tiny_workspace.dataset.root, features=features, logits=logits)


def test_every_cell_with_a_mistake_has_its_clips(predictions: ClipPredictions, tmp_path: Path) -> None:
    part = mistakes(predictions, tmp_path / "p.html", tmp_path / "p.csv")
    assert part.total == len(predictions.wrong) == sum(p.clips for p in part.pairs.values())
    assert [c.shares[c.predicted] for c in part.clips] == sorted(
        (c.shares[c.predicted] for c in part.clips), reverse=True
    )
    for pair, about in part.pairs.items():
        listed = [c for c in part.clips if c.pair == pair]
        assert len(listed) == about.listed >= min(about.clips, module.OF_A_PAIR)
        assert all((c.scene, c.predicted) == (about.scene, about.predicted) for c in listed)
        assert all(c.scene in c.shares for c in listed), "the right scene's probability is among those shown"
        assert f"#mistakes-{pair}:target" in part.css
    assert part.table == "p.csv"


def test_few_are_listed_and_a_rare_pair_still_has_its_own(
    predictions: ClipPredictions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LISTED", 10)
    monkeypatch.setattr(module, "OF_A_PAIR", 1)
    part = mistakes(predictions, tmp_path / "p.html", tmp_path / "p.csv")
    assert len(part.clips) < part.total and min(p.listed for p in part.pairs.values()) == 1
    assert "of them are here" in note(part)
    monkeypatch.setattr(module, "MOST", 12)
    few = mistakes(predictions, tmp_path / "p.html", tmp_path / "p.csv")
    assert len(few.clips) == 12 and all(p.listed for p in few.pairs.values()), "no cell leads to nothing"


def test_players_link_to_the_files_and_copies_are_made_on_demand_only(
    predictions: ClipPredictions, tmp_path: Path
) -> None:
    page = tmp_path / "deep" / "p.html"
    linked = mistakes(predictions, page, tmp_path / "p.csv").clips
    assert all((page.parent / unquote(c.href)).resolve() == predictions.root / c.file for c in linked)
    assert not any((c.sound or "").startswith("data:") for c in linked)
    copied = mistakes(predictions, page, tmp_path / "p.csv", embed=3).clips
    assert [(c.sound or "").startswith("data:audio/flac") for c in copied[:5]] == [True, True, True, False, False]


def test_a_copy_sounds_like_its_clip(predictions: ClipPredictions) -> None:
    clip = predictions.features.clips[0]
    address = small_copy(clip)
    assert address is not None
    wave, rate = soundfile.read(io.BytesIO(base64.b64decode(address.split(",")[1])))
    assert rate == RATE and len(wave) == round(clip.seconds * RATE) and wave.std() > 0
    missing = Clip(**{**{k: getattr(clip, k) for k in clip.__slots__}, "path": clip.path.with_name("missing.wav")})
    assert small_copy(missing) is None


def test_an_excerpt_is_a_part_of_its_file() -> None:
    about = {"path": Path("/d/a.wav"), "start": 3.0, "seconds": 1.0, "scene": "s", "location": "l", "device": "a"}
    assert excerpt(Clip(id="a.wav#3", **about), "a.wav") == "a.wav#t=3,4"  # type: ignore[arg-type]
    assert excerpt(Clip(id="a.wav", **{**about, "start": 0.0}), "a.wav") == "a.wav"  # type: ignore[arg-type]


def test_odd_names_are_quoted(tmp_path: Path) -> None:
    assert link(tmp_path / 'a b#c?d"é.wav', tmp_path / "x" / "p.html") == "../a%20b%23c%3Fd%22%C3%A9.wav"


def test_a_picture_has_a_pixel_for_each_band_and_frame() -> None:
    levels = np.arange(12.0).reshape(3, 4)
    data = base64.b64decode(spectrogram(levels, 0, 11).split(",")[1])
    width, height, depth, kind = struct.unpack(">2I2B", data[16:26])
    assert (width, height, depth, kind) == (4, 3, 8, 3)
    at = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[at - 4 : at])
    rows = np.frombuffer(zlib.decompress(data[at + 4 : at + 4 + length]), np.uint8).reshape(3, 5)[:, 1:]
    assert (rows == np.rint(255 * levels[::-1] / 11)).all(), "low bands are at the bottom"
    large = base64.b64decode(spectrogram(np.zeros((256, 500)), 0, 1).split(",")[1])
    assert struct.unpack(">2I", large[16:24]) == (125, MOST)


def test_the_matrix_says_its_cells_in_words() -> None:
    part = Confusion([[3, 1], [0, 0]], ["bus", "tram"], "")
    assert part.text(0, 1) == "1 clip of bus taken for tram" and part.text(0, 0) == "3 clips of bus, rightly predicted"
    assert part.share(0, 1) == 0.25 and part.share(1, 0) == 0
