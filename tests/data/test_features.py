"""The feature cache: keyed by content, resumable, shared by processes, independent of the workers, small in memory."""

from __future__ import annotations

import dataclasses
import errno
import os
import pickle
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from hwasc.audio.frontend import LogMel
from hwasc.audio.noise import open_noise
from hwasc.audio.reading import read_clip
from hwasc.data import extraction, features
from hwasc.data.changes import AddedNoise
from hwasc.data.clips import Clip
from hwasc.data.features import Features, extract
from hwasc.data.store import Writer
from hwasc.errors import DataError
from hwasc.records.front_end import FrontEnd

FE = FrontEnd.for_clip(16, 9, sample_rate=8000, n_fft=512, window=512)
CLASSES = ("bus", "park")


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    """150 clips (three chunks) cut from three recordings of 50 s."""
    rng = np.random.default_rng(0)
    made = []
    for k in range(3):
        path = tmp_path / f"{k}.wav"
        soundfile.write(path, 0.1 * rng.standard_normal(400_000), 8000)
        made += [
            Clip(
                id=f"{k}.wav#{s}",
                path=path,
                start=float(s),
                seconds=1.0,
                scene=CLASSES[k % 2],
                location=path.name,
                device=f"d{k}",
            )
            for s in range(50)
        ]
    return made


def counted(calls: list[int]) -> features.Progress:
    return lambda phase, done, total: calls.append(done) if phase == "features" else None


def test_features_are_those_of_the_front_end(clips: list[Clip], tmp_path: Path) -> None:
    result = extract(clips, CLASSES, FE, tmp_path / "cache")
    assert len(result) == 150 and result.array.shape == (150, 16, 9) and result.array.dtype == np.float16
    assert result.clips == tuple(clips) and result.labels.tolist() == [0] * 50 + [1] * 50 + [0] * 50
    assert result.labels.dtype == np.int64 and result.devices[[0, 149]].tolist() == ["d0", "d2"]
    chosen = np.array([149, 0, 77])
    batch = result.batch(chosen)
    assert batch.shape == (3, 1, 16, 9) and batch.dtype == torch.float32
    waves = np.stack([read_clip(clips[i].path, clips[i].start, 1.0, 8000) for i in chosen])
    assert torch.allclose(batch[:, 0], LogMel(FE)(torch.from_numpy(waves)), atol=2e-3)


def test_the_second_time_nothing_is_computed(
    clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = extract(clips, CLASSES, FE, tmp_path / "cache")
    monkeypatch.setattr(features, "extract_chunks", lambda *_: pytest.fail("computed again"))
    again = extract(clips, CLASSES, FE, tmp_path / "cache")
    assert again.path == first.path and again.hashes == first.hashes and np.array_equal(again.array, first.array)


def test_the_key_depends_on_content_front_end_and_order(clips: list[Clip], tmp_path: Path) -> None:
    paths = {extract(clips, CLASSES, FE, tmp_path / "cache").path}
    paths.add(extract(clips[::-1], CLASSES, FE, tmp_path / "cache").path)
    narrow = FrontEnd.for_clip(12, 9, sample_rate=8000, n_fft=512, window=512)
    paths.add(extract(clips, CLASSES, narrow, tmp_path / "cache").path)
    soundfile.write(clips[0].path, 0.1 * np.random.default_rng(9).standard_normal(400_000), 8000)
    os.utime(clips[0].path, ns=(1, 1))
    paths.add(extract(clips, CLASSES, FE, tmp_path / "cache").path)
    assert len(paths) == 4


def test_a_moved_data_set_uses_the_same_entry(clips: list[Clip], tmp_path: Path) -> None:
    first = extract(clips, CLASSES, FE, tmp_path / "cache")
    (tmp_path / "moved").mkdir()
    moved = []
    for c in clips:
        path = tmp_path / "moved" / c.path.name
        if not path.exists():
            c.path.rename(path)
        moved.append(
            Clip(
                id=c.id,
                path=path,
                start=c.start,
                seconds=c.seconds,
                scene=c.scene,
                location=c.location,
                device=c.device,
            )
        )
    assert extract(moved, CLASSES, FE, tmp_path / "cache").path == first.path


def test_an_interrupted_run_resumes_to_the_same_bytes(clips: list[Clip], tmp_path: Path) -> None:
    def stop(phase: str, done: int, total: int) -> None:
        if phase == "features" and done >= extraction.CHUNK:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(clips, CLASSES, FE, tmp_path / "cache", progress=stop)
    calls: list[int] = []
    resumed = extract(clips, CLASSES, FE, tmp_path / "cache", progress=counted(calls))
    assert calls == [64, 128, 150]
    fresh = extract(clips, CLASSES, FE, tmp_path / "other")
    assert resumed.path.read_bytes() == fresh.path.read_bytes()
    assert not list((tmp_path / "cache").glob("*.partial"))


@pytest.mark.slow
def test_workers_give_the_same_bytes(clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hwasc.data.features.FEW", 0)
    clips[70] = Clip(
        id="gone", path=tmp_path / "gone.wav", start=0.0, seconds=1.0, scene="bus", location="x", device="d"
    )
    one, two = (extract(clips, CLASSES, FE, tmp_path / f"cache{n}", workers=n) for n in (1, 2))
    assert one.path.read_bytes() == two.path.read_bytes() and one.hashes == two.hashes and len(two) == 149


@pytest.mark.slow
def test_two_processes_write_one_entry(clips: list[Clip], tmp_path: Path) -> None:
    (tmp_path / "clips.pickle").write_bytes(pickle.dumps(clips))
    program = (
        "import pickle, sys, pathlib; from hwasc.data.features import extract\n"
        "from hwasc.records.architecture import FrontEnd\n"
        "root = pathlib.Path(sys.argv[1]); clips = pickle.loads((root / 'clips.pickle').read_bytes())\n"
        "fe = FrontEnd.for_clip(16, 9, sample_rate=8000, n_fft=512, window=512); made = []\n"
        "f = extract(clips, ('bus', 'park'), fe, root / 'cache', progress=lambda p, d, t: made.append(p))\n"
        "print(made.count('features'), f.array.astype('f8').sum())\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0].split() for process in running]
    assert [p.returncode for p in running] == [0, 0]
    assert sorted(o[0] for o in outputs) == ["0", "3"] and outputs[0][1] == outputs[1][1]


def test_features_can_be_pickled(clips: list[Clip], tmp_path: Path) -> None:
    result = extract(clips, CLASSES, FE, tmp_path / "cache")
    copy: Features = pickle.loads(pickle.dumps(result))
    assert torch.equal(copy.batch(np.arange(5)), result.batch(np.arange(5))) and copy.clips == result.clips
    assert np.array_equal(copy.labels, result.labels) and copy.hashes == result.hashes


def test_unreadable_clips_are_left_out_and_named(clips: list[Clip], tmp_path: Path) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    bad = Clip(
        id="empty.wav", path=tmp_path / "empty.wav", start=0.0, seconds=1.0, scene="bus", location="x", device="d"
    )
    late = Clip(id="0.wav#50", path=clips[0].path, start=50.0, seconds=1.0, scene="bus", location="x", device="d")
    for _ in range(2):  # made, then opened
        lines: list[str] = []
        result = extract([bad, *clips, late], CLASSES, FE, tmp_path / "cache", notify=lines.append)
        assert result.clips == tuple(clips) and len(result.hashes) == len(result.array) == 150
        listing = result.path.parent / "unreadable.txt"
        assert listing.read_text() == "empty.wav\tempty file\n0.wav#50\ttoo short: 0.00 s of 1 s\n"
        assert lines == [
            "2 of 152 clips cannot be read and are left out: empty.wav (empty file), "
            f"0.wav#50 (too short: 0.00 s of 1 s); all in {listing}"
        ]
    with pytest.raises(DataError, match=r"2 of 152 clips cannot be read \(1.3%, allowed 1.0%\): empty.wav"):
        extract([bad, *clips, late], CLASSES, FE, tmp_path / "cache", max_unreadable=0.01)


def test_missing_files_are_reported_before_any_work(clips: list[Clip], tmp_path: Path) -> None:
    clips[0].path.unlink()
    phases: set[str] = set()
    with pytest.raises(DataError, match=r"50 of 150 clips cannot be read \(33.3%.*0.wav#0 \(missing\)"):
        extract(clips, CLASSES, FE, tmp_path / "cache", progress=lambda phase, *_: phases.add(phase))
    assert phases == {"hashing"}


def test_a_full_disk_is_one_clear_line(clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append = Writer.append

    def full(self: Writer, *chunk: object) -> None:
        if self.clips:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        append(self, *chunk)  # type: ignore[arg-type]

    monkeypatch.setattr(Writer, "append", full)
    with pytest.raises(DataError, match=r"the disk is full; these features take 0\.00 GB"):
        extract(clips, CLASSES, FE, tmp_path / "cache")
    monkeypatch.undo()
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(9, 9, 10))
    with pytest.raises(DataError, match="the disk is full"):
        extract(clips, CLASSES, FE, tmp_path / "cache")
    monkeypatch.undo()
    calls: list[int] = []
    assert len(extract(clips, CLASSES, FE, tmp_path / "cache", progress=counted(calls))) == 150 and calls[0] == 64


def test_wrong_arguments(clips: list[Clip], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there are no clips"):
        extract([], CLASSES, FE, tmp_path / "cache")
    with pytest.raises(DataError, match="'park' is not among the classes"):
        extract(clips, ("bus", "tram"), FE, tmp_path / "cache")
    with pytest.raises(DataError, match="lasts 1 s, but the front end takes 2 s"):
        extract(clips, CLASSES, FrontEnd.for_clip(16, 9, seconds=2.0), tmp_path / "cache")
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="the feature cache cannot be used"):
        extract(clips, CLASSES, FE, tmp_path / "file")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts resident memory by Linux's rules")
def test_memory_stays_below_the_size_of_the_file(tmp_path: Path) -> None:
    program = (
        "import sys, resource, pathlib, numpy as np\n"
        "from hwasc.data.clips import Clip; from hwasc.data.features import Features\n"
        "from hwasc.data.store import Entry\n"
        "root, n = pathlib.Path(sys.argv[1]), 6000; entry = Entry(root / 'key', (256, 65))\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "rows = np.ones((100, 256, 65), np.float16); before = peak()\n"
        "with entry.writer() as w:\n"
        "    for _ in range(n // 100): w.append(rows, {}, 100)\n"
        "    w.finish({})\n"
        "written = peak() - before\n"
        "clip = Clip(id='a', path=root, start=0.0, seconds=1.0, scene='bus', location='x', device='d')\n"
        "f = Features(entry.array, entry.shape, [clip] * n, ['bus'], ['h'] * n)\n"
        "order = np.random.default_rng(0).permutation(n)\n"
        "total = sum(float(f.batch(order[i:i + 50]).sum()) for i in range(0, n, 50))\n"
        "print(total == n * 256 * 65, f.path.stat().st_size, written, peak() - before)\n"
    )
    run = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    right, size, written, grown = run.stdout.split()
    assert right == "True" and int(size) == 6000 * 256 * 65 * 2
    assert int(written) < 0.1 * int(size) and int(grown) < 0.3 * int(size)


@pytest.mark.slow
def test_noise_is_added_to_the_waveform_and_cached_separately(
    clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hwasc.data.features.FEW", 0)
    cache, few = tmp_path / "cache", clips[:70]
    noisy = extract(few, CLASSES, FE, cache, change=AddedNoise(noise := open_noise("pink", 5.0, 3)))
    wave = noise.add_to(read_clip(few[66].path, few[66].start, 1.0, 8000), few[66].id, 8000)
    assert torch.allclose(noisy.batch(np.array([66]))[0, 0], LogMel(FE)(torch.from_numpy(wave[None]))[0], atol=2e-3)
    clean, again = extract(few, CLASSES, FE, cache), extract(few, CLASSES, FE, cache, change=AddedNoise(noise))
    assert clean.path != noisy.path == again.path and not set(clean.hashes) & set(noisy.hashes)
    others = [open_noise("pink", 0.0, 3), open_noise("pink", 5.0, 4), open_noise("white", 5.0, 3)]
    named = [dataclasses.replace(c, id=f"x/{c.id}") for c in few]  # noise is drawn by id
    found = {extract(few, CLASSES, FE, cache, change=AddedNoise(n)).path for n in others} | {
        extract(named, CLASSES, FE, cache, change=AddedNoise(noise)).path
    }
    assert len(found | {noisy.path, clean.path}) == 6
    two = extract(few, CLASSES, FE, tmp_path / "other", change=AddedNoise(noise), workers=2)
    assert two.path.read_bytes() == noisy.path.read_bytes()


def test_a_folder_of_noise_is_keyed_by_content(clips: list[Clip], tmp_path: Path) -> None:
    folder = tmp_path / "noise"
    folder.mkdir()
    rng, paths = np.random.default_rng(1), set()
    for k in range(2):
        soundfile.write(folder / "n.wav", 0.1 * rng.standard_normal(20_000), 8000)
        os.utime(folder / "n.wav", ns=(k, k))
        paths.add(
            extract(clips[:3], CLASSES, FE, tmp_path / "cache", change=AddedNoise(open_noise(str(folder), 0.0, 0))).path
        )
    moved = folder.rename(tmp_path / "moved")
    paths.add(
        extract(clips[:3], CLASSES, FE, tmp_path / "cache", change=AddedNoise(open_noise(str(moved), 0.0, 0))).path
    )
    assert len(paths) == 2
