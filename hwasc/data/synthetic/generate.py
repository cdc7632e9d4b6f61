"""Writes the synthetic data set in the layout of TAU Urban Acoustic Scenes 2022 Mobile."""

import json
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import soundfile
from filelock import FileLock

from .devices import DEVICES, TEST_DEVICES, capture, impulse_response, random_microphone
from .scenes import CITIES, SCENES, record
from .signals import Array, Span, stream

VERSION = 1
MICROPHONES = 16
LEVEL = (-34.0, -20.0)  # dBFS; a location's loudness says nothing about its scene
PREROLL = 0.1  # s before each clip that the device's filter and compressor settle in
HEADER = ("filename", "scene_label", "identifier", "source_label")
TRAIN_DECK = ("a",) * 10 + ("b", "c", "s1", "s2", "s3")  # two thirds device a, the other known ones in equal shares

Row = tuple[str, str, str, str]


@dataclass(frozen=True)
class SyntheticSpec:
    """What to generate: locations per scene, clips per location, sample rate in Hz, clip length in s.

    A location is one continuous recording that is cut into clips; the clips' devices follow fixed quotas. More
    locations of the same seed and clips per location only add files. Raises ValueError on sizes below 1,
    a sample rate below 16 kHz or clips shorter than 0.1 s.
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
        """Number of clips in all."""
        train = self.train_locations * self.clips_per_location
        return len(SCENES) * (train + self.test_locations * self.test_clips_per_location)


@dataclass(frozen=True)
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
                # Numbers are unique, and stay what they are when a larger specification adds locations.
                number = 2 * (index * len(SCENES) + scene_index) + (split == "test")
                yield _Location(scene, city, number, split, index, devices)


def _device(seed: int, scene: str, split: str, clip: int) -> str:
    """The device of a scene's clip number `clip`: dealt from shuffled decks, so that shares are exact."""
    deck = TRAIN_DECK if split == "train" else TEST_DEVICES
    order = stream(seed, scene, split, "deck", clip // len(deck)).permutation(len(deck))
    return deck[int(order[clip % len(deck)])]


def _write(path: Path, sound: Array, rate: int) -> None:
    soundfile.write(path, sound, rate, subtype="PCM_16")


def _write_location(folder: Path, spec: SyntheticSpec, location: _Location) -> list[Row]:
    place = f"{location.split}-{location.index}"
    clip = round(spec.seconds * spec.sample_rate)
    lead = round(PREROLL * spec.sample_rate)
    span = Span(spec.sample_rate, lead + clip * len(location.devices))
    sound = record(spec.seed, location.scene, location.city, place, span)
    rng = stream(spec.seed, location.scene, place, "capture")
    level = float(rng.uniform(*LEVEL))
    identifier = f"{location.city}-{location.number}"
    rows = []
    for index, device in enumerate(location.devices):
        heard = capture(rng, DEVICES[device], sound[index * clip : (index + 1) * clip + lead], level, spec.sample_rate)
        name = f"audio/{location.scene}-{identifier}-{location.number}-{index}-{device}.wav"
        _write(folder / name, heard[lead:], spec.sample_rate)
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
        # Spawned, because a forked child may inherit locks of the caller's numeric threads.
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            try:
                collect(pool.map(write, locations, chunksize=4))
            except BaseException:
                pool.shutdown(cancel_futures=True)  # waits for what is being written, not for every location
                raise
    _write_table(folder / "meta.csv", HEADER, tables["train"] + tables["test"])
    _write_table(folder / "evaluation_setup/fold1_train.csv", HEADER[:2], tables["train"])
    _write_table(folder / "evaluation_setup/fold1_evaluate.csv", HEADER[:2], tables["test"])
    (folder / "synthetic.json").write_text(json.dumps(_description(spec), indent=2) + "\n", encoding="utf-8")


def _description(spec: SyntheticSpec) -> dict[str, object]:
    return {"generator": VERSION, "spec": asdict(spec)}


def _stands(root: Path, spec: SyntheticSpec) -> bool:
    """Whether `root` already holds this very data set; raises ValueError if it holds anything else."""
    if not root.exists():
        return False
    try:
        found = json.loads((root / "synthetic.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ValueError(f"{root} exists and is not a synthetic data set; choose another folder") from None
    if found != _description(spec):
        wanted = _description(spec)
        raise ValueError(f"{root} holds another synthetic data set: {found}, not {wanted}; choose another folder")
    return True


def generate(
    root: Path,
    spec: SyntheticSpec = SyntheticSpec(),
    *,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the data set that `spec` describes to the folder `root`, and return `root`.

    The bytes depend on `spec` only, not on `workers`, the number of processes. `progress` is called with the clips
    done and the clips in all. The folder appears whole or not at all; if it already holds this data set nothing is
    done; of several processes that ask at once, one writes and the others wait. With more than one worker, a script
    that calls this needs the usual `if __name__ == "__main__"` guard. Raises ValueError if `root` holds something
    else, such as another specification's or another generator version's data set.
    """
    root = Path(root)
    if _stands(root, spec):
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(root.parent / f".{root.name}.lock"):
        if _stands(root, spec):
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
