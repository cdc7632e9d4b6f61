"""Every file of the corpus, as it is and mutated, is read or refused in one line; nothing else may happen."""

from __future__ import annotations

import importlib
import pkgutil
import random
from pathlib import Path

import pytest

from hwasc.audio.reading import UnreadableClip
from hwasc.errors import HwascError
from tests import corpus
from tests.corpus.cases import Case

MUTANTS = 8  # of each file, by a fixed seed


def cases() -> list[Case]:
    """The `CASES` of all modules of this package."""
    names = [m.name for m in pkgutil.iter_modules(corpus.__path__) if not m.name.startswith(("test_", "cases"))]
    return [case for name in sorted(names) for case in importlib.import_module(f"tests.corpus.{name}").CASES]


def mutants(content: bytes, count: int) -> list[bytes]:
    """Copies with flipped bytes, cut off, or with a part repeated."""
    rng = random.Random(len(content))
    out = []
    for k in range(count):
        data = bytearray(content)
        if data and k % 3 == 0:
            for _ in range(1 + len(data) // 200):
                data[rng.randrange(len(data))] = rng.randrange(256)
        elif k % 3 == 1:
            del data[rng.randrange(len(data) + 1) :]
        else:
            start = rng.randrange(len(data) + 1)
            data[start:start] = data[start : start + 50]
        out.append(bytes(data))
    return out


@pytest.mark.parametrize("case", cases(), ids=lambda c: c.name)
def test_is_read_or_refused_in_one_line(case: Case, tmp_path: Path) -> None:
    path = tmp_path / case.name
    path.write_bytes(case.content)
    if case.fine:
        case.read(path)
        return
    with pytest.raises((HwascError, UnreadableClip)) as refusal:
        case.read(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("case", cases(), ids=lambda c: c.name)
def test_mutants_are_read_or_refused(case: Case, tmp_path: Path) -> None:
    for k, content in enumerate(mutants(case.content, MUTANTS)):
        path = tmp_path / f"{k}" / case.name
        path.parent.mkdir()
        path.write_bytes(content)
        try:
            case.read(path)
        except (HwascError, UnreadableClip) as refusal:
            assert str(refusal)
