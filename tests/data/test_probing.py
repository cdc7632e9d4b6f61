"""What opening a folder knows of recordings: the same with a cache, without one, and with a damaged one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hwasc.data import probing
from hwasc.data.probing import INDEX, Probe, probe


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    found = [tmp_path / f"{k}.{suffix}" for k, suffix in enumerate(("wav", "flac", "ogg"))]
    for k, path in enumerate(found):
        soundfile.write(path, 0.1 * rng.standard_normal((8000 * (k + 1), k % 2 + 1)), 8000)
    return [*found, tmp_path / "gone.wav"]


def test_a_cache_does_not_change_the_result(paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = probe(paths)
    assert [p.seconds for p in first[:3] if isinstance(p, Probe)] == [1.0, 2.0, 3.0] and first[3] == "missing"
    assert isinstance(first[1], Probe) and (first[1].rate, first[1].channels) == (8000, 2) and first[1].sketch
    assert probe(paths, tmp_path / "cache") == first
    monkeypatch.setattr(probing, "header", lambda path: pytest.fail(f"{path} was read again"))
    assert probe(paths[:3], tmp_path / "cache") == first[:3]


@pytest.mark.parametrize("place", [3, 30, 60, -30, -2])
def test_a_flipped_byte_or_a_cut_index_is_noticed(paths: list[Path], tmp_path: Path, place: int) -> None:
    first = probe(paths, tmp_path)
    content = bytearray((tmp_path / INDEX).read_bytes())
    content[place] ^= 1
    (tmp_path / INDEX).write_bytes(content)
    assert probe(paths, tmp_path) == first
    (tmp_path / INDEX).write_bytes(content[:place])
    assert probe(paths, tmp_path) == first and probe(paths, tmp_path) == first


def test_a_replaced_file_is_read_again(paths: list[Path], tmp_path: Path) -> None:
    first, stat = probe(paths, tmp_path), paths[0].stat()
    other = 0.1 * np.random.default_rng(9).standard_normal(8000)
    soundfile.write(tmp_path / "new.wav", other, 8000)
    os.utime(tmp_path / "new.wav", ns=(stat.st_atime_ns, stat.st_mtime_ns))  # of equal size and time of change
    (tmp_path / "new.wav").replace(paths[0])
    second = probe(paths, tmp_path)
    assert second[1:] == first[1:] and second[0] != first[0] and second == probe(paths)


def test_a_cache_that_cannot_be_written(paths: list[Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert probe(paths, tmp_path / "file") == probe(paths)
