"""Any text reaches a terminal of any encoding; names of files may be any bytes."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hwasc.cli.output import accept_every_character
from hwasc.data.clips import Clip
from hwasc.data.features import extract
from hwasc.progress import Reporter, print_table
from hwasc.records.front_end import FrontEnd

TEXT = "café – 50 % ± 2, \udcff\udce9 → 日本"
SHOWN = {
    "ascii": b"caf\\xe9 - 50 % +/- 2, \\udcff\\udce9 -> \\u65e5\\u672c",
    "latin-1": b"caf\xe9 - 50 % \xb1 2, \\udcff\\udce9 -> \\u65e5\\u672c",
    "cp1252": b"caf\xe9 \x96 50 % \xb1 2, \\udcff\\udce9 -> \\u65e5\\u672c",
    "utf-8": "café – 50 % ± 2, \\udcff\\udce9 → 日本".encode(),
}


@pytest.mark.parametrize("encoding", SHOWN)
def test_what_an_encoding_lacks_is_written_in_another_way(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    accept_every_character()
    print(TEXT)
    reporter = Reporter()
    reporter.say(TEXT)
    print_table(reporter.console, ("name", "±"), [(TEXT, 1), ("b", 2)], "Größen –")
    for stream in (out, err):
        stream.flush()
        assert stream.buffer.getvalue().splitlines()[0] == SHOWN[encoding]  # type: ignore[attr-defined]
    assert len(err.buffer.getvalue().splitlines()) == 5  # type: ignore[attr-defined]


@pytest.fixture
def odd_folder(tmp_path: Path) -> Path:
    """Recordings whose names, and the names of whose folders, are no UTF-8."""
    if sys.platform == "darwin" or os.name == "nt":
        pytest.skip("names are text on this system")
    root = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), b"d\xff")))
    rng = np.random.default_rng(0)
    for scene in (b"caf\xe9", "Straße – ±".encode(), b"park"):
        folder = os.path.join(os.fsencode(root), scene)
        os.makedirs(folder)
        for k in range(3):
            content = io.BytesIO()
            soundfile.write(content, rng.normal(0, 0.1, 8000), 8000, format="WAV")
            with open(os.path.join(folder, b"\xff %d.wav" % k), "wb") as f:
                f.write(content.getvalue())
    return root


@pytest.mark.parametrize("encoding", SHOWN)
def test_data_check_takes_any_name_in_any_encoding(
    encoding: str, odd_folder: Path, hwasc: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    status, *_ = hwasc("data", "check", odd_folder)
    out.flush()
    shown = out.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    assert status == 0 and "caf\\udce9" in shown and "\\udcff" in shown


def test_features_and_their_cache_take_any_name(odd_folder: Path) -> None:
    """One recording is broken: its name is written to a file of the cache, whose folder has an odd name itself."""
    broken = odd_folder / "park" / "broken\udcff.wav"
    broken.write_bytes(b"nonsense")
    paths = sorted(odd_folder.rglob("*.wav"))
    clips = [
        Clip(
            id=str(p.relative_to(odd_folder)),
            path=p,
            start=0.0,
            seconds=1.0,
            scene=p.parent.name,
            location="",
            device="",
        )
        for p in paths
    ]
    front_end = FrontEnd(mels=40, frames=17, n_fft=1024, window=1024, sample_rate=8000, f_max=4000)
    said: list[str] = []
    found = extract(
        clips,
        sorted({c.scene for c in clips}),
        front_end,
        odd_folder.parent / "c\udcff",
        max_unreadable=0.2,
        notify=said.append,
    )
    assert len(found) == len(paths) - 1 and "broken\udcff.wav" in said[0]
    assert b"broken\xff.wav" in (found.path.parent / "unreadable.txt").read_bytes()
