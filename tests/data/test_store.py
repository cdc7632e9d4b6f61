"""A cache entry appears only when it is complete, and a stopped run resumes after its last complete chunk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwasc.data.store import Entry


def rows(*values: float) -> np.ndarray:
    return np.array(values, np.float16)[:, None, None] * np.ones((2, 3), np.float16)


def read(entry: Entry) -> list[float]:
    return np.fromfile(entry.array, np.float16).reshape(-1, 6)[:, 0].tolist()


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    return Entry(tmp_path / "key", (2, 3))


def fill(entry: Entry, chunks: int) -> None:
    """Write an entry, or continue, up to `chunks` chunks of two rows and one unreadable clip."""
    with entry.writer() as writer:
        while writer.clips < 3 * chunks:
            k = writer.clips
            writer.append(rows(k, k + 2), {1: f"reason {k}"}, 3)
        if chunks == 3:
            writer.finish({i: f"clip{i}" for i in range(9)})


def test_an_entry_has_what_was_written(entry: Entry) -> None:
    fill(entry, 3)
    assert entry.complete() and read(entry) == [0, 2, 3, 5, 6, 8]
    assert entry.unreadable() == {1: "reason 0", 4: "reason 3", 7: "reason 6"}
    assert (entry.folder / "unreadable.txt").read_text().splitlines()[1] == "clip4\treason 3"
    assert sorted(p.name for p in entry.folder.parent.iterdir()) == ["key"]
    assert sorted(p.name for p in entry.folder.iterdir()) == ["entry.json", "features.f16", "unreadable.txt"]


@pytest.mark.parametrize(
    "torn", [(b"", b""), (b"half a row", b""), (b"x" * 12, b'{"clips": 3, "unre'), (b"x" * 99, b"\x00\n")]
)
def test_a_stopped_run_resumes(entry: Entry, torn: tuple[bytes, bytes]) -> None:
    fill(entry, 2)
    assert not entry.complete()
    partial = entry.folder.with_name("key.partial")
    for name, more in zip(("features.f16", "journal.jsonl"), torn, strict=True):
        with (partial / name).open("ab") as f:
            f.write(more)
    with entry.writer() as writer:
        assert writer.clips == 6 and writer.unreadable == {1: "reason 0", 4: "reason 3"}
    fill(entry, 3)
    assert entry.complete() and read(entry) == [0, 2, 3, 5, 6, 8]


def test_data_shorter_than_its_journal_are_written_again(entry: Entry) -> None:
    fill(entry, 2)
    data = entry.folder.with_name("key.partial") / "features.f16"
    data.write_bytes(data.read_bytes()[:-1])
    with entry.writer() as writer:
        assert writer.clips == 3
    fill(entry, 3)
    assert read(entry) == [0, 2, 3, 5, 6, 8]


@pytest.mark.parametrize("damage", ["features.f16", "entry.json"])
def test_a_damaged_entry_is_not_complete_and_can_be_replaced(entry: Entry, damage: str) -> None:
    fill(entry, 3)
    (entry.folder / damage).write_bytes(b"{")
    assert not entry.complete()
    fill(entry, 3)
    assert entry.complete() and read(entry) == [0, 2, 3, 5, 6, 8]


def test_chunks_must_add_up(entry: Entry) -> None:
    with entry.writer() as writer, pytest.raises(ValueError, match="do not make 3"):
        writer.append(rows(1), {}, 3)


@pytest.mark.parametrize("file", ["features.f16", "entry.json"])
def test_every_flipped_byte_is_noticed(entry: Entry, file: str) -> None:
    fill(entry, 3)
    path = entry.folder / file
    content = path.read_bytes()
    for position in range(0, len(content), 5):
        path.write_bytes(content[:position] + bytes([content[position] ^ 2]) + content[position + 1 :])
        assert not entry.complete() and entry.damaged()
    path.write_bytes(content)
    assert entry.complete()


@pytest.mark.parametrize("file", ["features.f16", "journal.jsonl"])
def test_damage_of_an_unfinished_entry_is_written_again(entry: Entry, file: str) -> None:
    fill(entry, 2)
    path = entry.folder.with_name("key.partial") / file
    content = bytearray(path.read_bytes())
    content[len(content) * 3 // 4] ^= 2  # in the second chunk
    path.write_bytes(content)
    with entry.writer() as writer:
        assert writer.clips == 3
    fill(entry, 3)
    assert entry.complete() and read(entry) == [0, 2, 3, 5, 6, 8]
