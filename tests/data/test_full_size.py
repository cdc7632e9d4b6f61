"""The full data set is practical: no stage does more work for a clip when there are four times as many clips.

`experiments/tau2022/rehearsal.py` measures the full size itself; its data are made here in small.
"""

from __future__ import annotations

import importlib.util
import pickle
import sys
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile

from hwasc.data import extraction, hashing, splits, waveforms
from hwasc.data import logits as logit_files
from hwasc.data.clips import Clip
from hwasc.data.extraction import Chunk, extract_chunks
from hwasc.data.features import extract
from hwasc.data.opening import open_dataset
from hwasc.records.front_end import FrontEnd
from hwasc.training.batches import training_batches

pytestmark = pytest.mark.slow

SMALL, LARGE = 500, 2000
FE = FrontEnd.for_clip(4, 3, 0.05, 8000, n_fft=256, window=256)
SCRIPT = Path(__file__).parents[2] / "experiments" / "tau2022" / "rehearsal.py"


def counted(task: Callable[[], Any]) -> tuple[Any, int]:
    """Result of a task, and the number of Python and C functions that it called."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        result = task()
    finally:
        sys.setprofile(before)
    return result, calls


class Counted(str):
    """A string; the class counts all comparisons and hashes."""

    seen = 0

    def __eq__(self, other: object) -> bool:
        Counted.seen += 1
        return str.__eq__(self, other)

    def __hash__(self) -> int:
        Counted.seen += 1
        return str.__hash__(self)


def written(root: Path, clips: int) -> Path:
    """A folder in TAU's layout: a clip of 50 ms each, all different, ten of a location."""
    (root / "audio").mkdir(parents=True)
    rows = [(f"audio/{'park' if i // 10 % 2 else 'bus'}-x-{i // 10}-{i % 10}-a.wav", i) for i in range(clips + 20)]
    meta, lists = "filename\tscene_label\tidentifier\tsource_label\n", {"train": "", "evaluate": ""}
    rng = np.random.default_rng(0)
    for name, i in rows:
        soundfile.write(root / name, rng.integers(-9000, 9000, 400).astype(np.int16), 8000)
        scene = name[6:].split("-")[0]
        meta += f"{name}\t{scene}\t{scene}-{i // 10}\ta\n"
        lists["train" if i < clips else "evaluate"] += f"{name}\t{scene}\n"
    (root / "meta.csv").write_text(meta)
    for part, lines in lists.items():
        (root / f"fold1_{part}.csv").write_text(f"filename\tscene_label\n{lines}")
    return root


def counts(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Calls of every stage from the lists to the first batch, and how often files were hashed and read."""
    found: dict[str, int] = {"hashed": 0, "read": 0}

    def count_calls(module: ModuleType, name: str, key: str) -> None:
        real = getattr(module, name)

        def wrapped(*args: Any) -> Any:
            found[key] += 1
            return real(*args)

        monkeypatch.setattr(module, name, wrapped)

    count_calls(hashing, "_hash_file", "hashed")
    count_calls(waveforms, "read_clips", "read")
    data, found["open"] = counted(lambda: open_dataset(root, seconds=0.05))
    clips = [*data.train, *data.validation]
    made, found["features"] = counted(lambda: extract(clips, data.classes, FE, root / "cache"))
    made, found["opened again"] = counted(lambda: extract(clips, data.classes, FE, root / "cache"))
    _, found["folds"] = counted(lambda: splits.folds(clips, 3, 0))
    Counted.seen = 0
    ids, hashes = [Counted(c.id) for c in clips], [Counted(h) for h in made.hashes]
    logits = np.zeros((len(clips), 2), np.float32)
    path = root / "logits.npz"
    _, found["logits"] = counted(lambda: logit_files.save(path, ids, hashes, logits, {"hash": "x"}))
    logits, found["loaded"] = counted(lambda: logit_files.load(path, ids[::-1], hashes[::-1]))
    found["comparisons"] = Counted.seen
    epoch = training_batches(made, logits, batch=32, augment=None, seed=0, epoch=0)
    _, found["first batch"] = counted(lambda: next(epoch))
    return found


def test_the_work_for_a_clip_does_not_depend_on_the_number_of_clips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for n in (60, SMALL, LARGE):  # the first only imports
        with monkeypatch.context() as patch:
            found.append(counts(written(tmp_path / str(n), n), patch))
    _, small, large = found
    assert (small["hashed"], large["hashed"]) == (small["read"], large["read"]) == (SMALL, LARGE)
    assert large["first batch"] == small["first batch"]  # an epoch starts at once, whatever its length
    for stage in ("open", "features", "opened again", "folds", "logits", "loaded", "comparisons"):
        assert large[stage] < 1.05 * LARGE / SMALL * small[stage], stage


def test_workers_get_chunks_and_not_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []

    class Pool:
        def __init__(self, *args: object, **options: object) -> None: ...

        def submit(self, function: object, task: list[Any], *rest: object) -> Future[Chunk]:
            sent.append(len(pickle.dumps((function, task, *rest))))
            future: Future[Chunk] = Future()
            future.set_result(Chunk(features=np.zeros((len(task), 4, 3), np.float16), unreadable={}, clips=len(task)))
            return future

        def shutdown(self, **options: object) -> None: ...

    monkeypatch.setattr(extraction, "ProcessPoolExecutor", Pool)
    most = []
    for n in (SMALL, LARGE):
        clips = [
            Clip(
                id=f"{i:06}.wav",
                path=Path(f"{i:06}.wav"),
                start=0.0,
                seconds=0.05,
                scene="bus",
                location="x",
                device="a",
            )
            for i in range(n)
        ]
        sent.clear()
        assert sum(chunk.clips for chunk in extract_chunks(clips, FE, workers=2)) == n
        assert len(sent) == -(-n // extraction.CHUNK)
        most.append(max(sent))
    assert most[0] == most[1] < 20_000


def test_pickled_features_have_the_path_and_not_the_values(tmp_path: Path) -> None:
    data = open_dataset(written(tmp_path / "data", 200), seconds=0.05)
    wide = FrontEnd.for_clip(64, 3, 0.05, 8000, n_fft=256, window=256)
    sizes = [len(pickle.dumps(extract(data.train, data.classes, fe, tmp_path / "cache"))) for fe in (FE, wide)]
    assert abs(sizes[0] - sizes[1]) < 100


def test_the_rehearsal_makes_clips_of_tau_that_are_all_different(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("rehearsal", SCRIPT)
    assert spec is not None and spec.loader is not None
    rehearsal = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rehearsal)
    lists = written(tmp_path / "lists", 200)
    for bits in (8, 24):
        root = tmp_path / f"made{bits}"
        rehearsal.make_data(lists, root, 50, bits)
        names = (root / rehearsal.MADE).read_text().splitlines()
        assert names[:2] == ["audio/bus-x-0-0-a.wav", "audio/bus-x-0-4-a.wav"] and len(set(names)) == 50
        assert len({(root / name).read_bytes() for name in names}) == 50
        info = soundfile.info(str(root / names[7]))
        assert (info.frames, info.samplerate, info.channels) == (44_100, 44_100, 1)
    again = rehearsal.measure(tmp_path / "made8", tmp_path / "cache", 20, "16x9", 0.0)
    assert again["clips"] == 20 and again["stages"]["features"]["s"] > 0 and again["peak_bytes"] > 1e8
