"""Writing the synthetic data set in the layout of TAU Urban Acoustic Scenes 2022 Mobile."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import soundfile
from filelock import FileLock

from hwasc.data.synthetic.devices import DEVICES, TEST_DEVICES, capture, impulse_response, random_microphone
from hwasc.data.synthetic.scenes import CITIES, SCENES, render_location
from hwasc.data.synthetic.signals import Array, Span, stream
from hwasc.errors import UsageError
from hwasc.parallel.processes import processes
from hwasc.records import schema
from hwasc.records.leftovers import sweep_unfinished

VERSION = 1
HASHES = "hashes.b2"  # of all other files, as `b2sum -l 128` writes them
MICROPHONES = 16
LEVEL = (-34.0, -20.0)  # dBFS; the level of a location does not depend on its scene
PREROLL = 0.1  # s recorded before each clip, until the device's filter and compressor have settled
HEADER = ("filename", "scene_label", "identifier", "source_label")
TRAIN_BLOCK = ("a",) * 10 + ("b", "c", "s1", "s2", "s3")  # two thirds device a, equal shares of the other devices

Row = tuple[str, str, str, str]


@dataclass(frozen=True)
class SyntheticSpec:
    """Sizes of a synthetic data set.

    A location is one continuous recording that is cut into clips. The devices of the clips follow fixed quotas. With the
    same seed and the same number of clips per location, more locations only add files.

    Attributes:
        seed: Seed of all draws.
        train_locations: Training locations of each scene, at least 1.
        test_locations: Test locations of each scene, at least 1.
        clips_per_location: Clips of each training location, at least 1.
        test_clips_per_location: Clips of each test location, at least 1.
        sample_rate: Sample rate in Hz, at least 16000.
        seconds: Length of a clip in seconds, at least 0.1.

    Raises:
        ValueError: A value is out of its range.
    """

    seed: int = 0
    train_locations: int = 30
    test_locations: int = 20
    clips_per_location: int = 10
    test_clips_per_location: int = 9
    sample_rate: int = 32_000
    seconds: float = 1.0

    def __post_init__(self) -> None:
        sizes = (self.train_locations, self.test_locations, self.clips_per_location, self.test_clips_per_location)
        if min(sizes) < 1:
            raise ValueError(f"locations and clips must be at least 1, not {min(sizes)}")
        if self.sample_rate < 16_000:
            raise ValueError(f"the sample rate must be at least 16000 Hz, not {self.sample_rate}")
        if self.seconds < 0.1:
            raise ValueError(f"clips must last at least 0.1 s, not {self.seconds}")

    @property
    def clips(self) -> int:
        """Number of clips of the whole data set."""
        train = self.train_locations * self.clips_per_location
        return len(SCENES) * (train + self.test_locations * self.test_clips_per_location)


@dataclass(frozen=True, kw_only=True)
class _Location:
    scene: str
    city: str
    number: int  # unique in the whole data set
    split: str
    index: int  # within scene and split
    devices: tuple[str, ...]  # of each clip in turn


def _locations(spec: SyntheticSpec) -> Iterator[_Location]:
    for scene_index, scene in enumerate(SCENES):
        for split, count, clips in (
            ("train", spec.train_locations, spec.clips_per_location),
            ("test", spec.test_locations, spec.test_clips_per_location),
        ):
            for index in range(count):
                city = CITIES[(index + scene_index) % len(CITIES)]
                devices = tuple(_device(spec.seed, scene, split, index * clips + clip) for clip in range(clips))
                # Numbers are unique, and do not change when a larger specification adds locations.
                number = 2 * (index * len(SCENES) + scene_index) + (split == "test")
                yield _Location(scene=scene, city=city, number=number, split=split, index=index, devices=devices)


def _device(seed: int, scene: str, split: str, clip: int) -> str:
    """The device of a scene's clip number `clip`: each block of clips is a permutation, so the shares are exact."""
    block = TRAIN_BLOCK if split == "train" else TEST_DEVICES
    order = stream(seed, scene, split, f"deck/{clip // len(block)}").permutation(len(block))
    return block[int(order[clip % len(block)])]


def _write(path: Path, sound: Array, rate: int) -> None:
    soundfile.write(path, sound, rate, subtype="PCM_16")


def _write_location(folder: Path, spec: SyntheticSpec, location: _Location) -> list[Row]:
    place = f"{location.split}-{location.index}"
    clip = round(spec.seconds * spec.sample_rate)
    lead = round(PREROLL * spec.sample_rate)
    span = Span(spec.sample_rate, lead + clip * len(location.devices))
    sound = render_location(spec.seed, scene_name=location.scene, city=location.city, location=place, span=span)
    rng = stream(spec.seed, location.scene, place, "capture")
    level = float(rng.uniform(*LEVEL))
    identifier = f"{location.city}-{location.number}"
    rows = []
    for index, device in enumerate(location.devices):
        part = sound[index * clip : (index + 1) * clip + lead]
        recorded = capture(rng, DEVICES[device], part, level=level, rate=spec.sample_rate)
        name = f"audio/{location.scene}-{identifier}-{location.number}-{index}-{device}.wav"
        _write(folder / name, recorded[lead:], spec.sample_rate)
        rows.append((name, location.scene, identifier, device))
    return rows


def _write_table(path: Path, header: tuple[str, ...], rows: list[Row]) -> None:
    lines = ["\t".join(row[: len(header)]) for row in [header, *rows]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_all(folder: Path, spec: SyntheticSpec, workers: int, progress: Callable[[int, int], None] | None) -> None:
    for name in ("audio", "evaluation_setup", "impulse_responses"):
        (folder / name).mkdir()
    for index in range(MICROPHONES):
        microphone = random_microphone(stream(spec.seed, "microphone", index))
        response = impulse_response(microphone, spec.sample_rate)
        path = folder / f"impulse_responses/microphone-{index:02d}.wav"
        _write(path, response * (0.9 / abs(response).max()), spec.sample_rate)
    locations = list(_locations(spec))
    write = partial(_write_location, folder, spec)
    tables: dict[str, list[Row]] = {"train": [], "test": []}
    done = 0

    def collect(results: Iterator[list[Row]]) -> None:
        nonlocal done
        for location, rows in zip(locations, results, strict=True):
            tables[location.split] += rows
            done += len(rows)
            if progress is not None:
                progress(done, spec.clips)

    if workers <= 1:
        collect(map(write, locations))
    else:
        with processes(workers) as pool:
            collect(pool.map(write, locations, chunksize=4))
    _write_table(folder / "meta.csv", HEADER, tables["train"] + tables["test"])
    _write_table(folder / "evaluation_setup/fold1_train.csv", HEADER[:2], tables["train"])
    _write_table(folder / "evaluation_setup/fold1_evaluate.csv", HEADER[:2], tables["test"])
    (folder / "synthetic.json").write_text(json.dumps(_description(spec), indent=2) + "\n", encoding="utf-8")
    lines = [
        f"{hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    (folder / HASHES).write_text("".join(lines), encoding="utf-8")


def _description(spec: SyntheticSpec) -> dict[str, object]:
    return {"generator": VERSION, "spec": asdict(spec)}


def lock_path(root: Path) -> Path:
    """The lock that a process holds while it writes or removes a data set."""
    return root.parent / f".{root.name}.lock"


def _is_written(root: Path, spec: SyntheticSpec) -> bool:
    """Whether `root` already contains this data set. ValueError if it contains anything else."""
    if not root.exists():
        return False
    try:
        found = schema.read_json(root / "synthetic.json", "description of simulated scenes")
    except UsageError:
        raise ValueError(f"{root} exists and is not a synthetic data set; choose another folder") from None
    if found != _description(spec):
        wanted = _description(spec)
        raise ValueError(f"{root} contains another synthetic data set: {found}, not {wanted}; choose another folder")
    return True


def generate(
    root: Path,
    spec: SyntheticSpec = SyntheticSpec(),
    *,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a synthetic data set.

    The folder appears only when it is complete. If it already contains this data set, nothing is done. If several
    processes write the same data set, one writes and the others wait. With more than one worker, a script that calls this
    function needs the usual `if __name__ == "__main__"` guard.

    Args:
        root: Folder to write.
        spec: Sizes and seed of the data set. The bytes of the files depend on it alone.
        workers: Number of processes.
        progress: Function that is called with the clips done and the number of all clips.

    Returns:
        The folder.

    Raises:
        ValueError: The folder contains something else, for example the data set of another specification or of another
            version of the generator.
    """
    root = Path(root)
    if _is_written(root, spec):
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    sweep_unfinished(root.parent)
    with FileLock(lock_path(root)):
        if _is_written(root, spec):
            return root
        folder = Path(tempfile.mkdtemp(prefix=f".{root.name}-", dir=root.parent))
        try:
            _write_all(folder, spec, workers, progress)
            folder.chmod(0o755)
            os.rename(folder, root)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return root
