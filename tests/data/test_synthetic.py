"""The synthetic data set: layout, splits, determinism, and valid audio."""

import csv
import hashlib
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hwasc.data.synthetic import SyntheticSpec, generate
from hwasc.data.synthetic.devices import DEVICES, impulse_response
from hwasc.data.synthetic.scenes import SCENES
from hwasc.data.synthetic.signals import Span, stream

pytestmark = pytest.mark.slow

SMALL = SyntheticSpec(
    train_locations=3, test_locations=1, clips_per_location=5, test_clips_per_location=9, seconds=0.25
)
TINY = SyntheticSpec(train_locations=1, test_locations=1, clips_per_location=1, test_clips_per_location=1, seconds=0.25)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("synthetic") / "small", SMALL, workers=1)


def read_table(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def digest(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_layout_is_that_of_tau(dataset: Path) -> None:
    rows = read_table(dataset / "meta.csv")
    assert list(rows[0]) == ["filename", "scene_label", "identifier", "source_label"]
    assert len(rows) == SMALL.clips
    for row in rows:
        folder, _, name = row["filename"].partition("/")
        scene, city, number, _segment, _clip, device = Path(name).stem.split("-")
        assert folder == "audio"
        assert (scene, f"{city}-{number}", device) == (row["scene_label"], row["identifier"], row["source_label"])
    assert {row["filename"] for row in rows} == {f"audio/{path.name}" for path in (dataset / "audio").iterdir()}
    assert {row["scene_label"] for row in rows} == set(SCENES)
    assert len(list((dataset / "impulse_responses").glob("*.wav"))) >= 16
    assert json.loads((dataset / "synthetic.json").read_text())["spec"]["train_locations"] == SMALL.train_locations


def test_folds_split_the_clips_by_location(dataset: Path) -> None:
    meta = {row["filename"]: row for row in read_table(dataset / "meta.csv")}
    folds = [read_table(dataset / f"evaluation_setup/fold1_{name}.csv") for name in ("train", "evaluate")]
    assert all(list(fold[0]) == ["filename", "scene_label"] for fold in folds)
    train, test = ({row["filename"] for row in fold} for fold in folds)
    assert train | test == set(meta)
    assert not train & test
    assert not {meta[name]["identifier"] for name in train} & {meta[name]["identifier"] for name in test}
    scenes_of = {(row["identifier"], row["scene_label"]) for row in meta.values()}
    assert len(scenes_of) == len({identifier for identifier, _ in scenes_of})


def test_devices_have_their_shares(dataset: Path) -> None:
    device_of = {row["filename"]: row["source_label"] for row in read_table(dataset / "meta.csv")}
    devices = {
        name: Counter(device_of[row["filename"]] for row in read_table(dataset / f"evaluation_setup/fold1_{name}.csv"))
        for name in ("train", "evaluate")
    }
    assert set(devices["train"]) == {"a", "b", "c", "s1", "s2", "s3"}
    assert devices["train"]["a"] == pytest.approx(2 / 3 * devices["train"].total())
    assert set(devices["evaluate"]) == set(DEVICES)
    assert len(set(devices["evaluate"].values())) == 1


def test_audio_is_valid(dataset: Path) -> None:
    for path in (dataset / "audio").iterdir():
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype, info.frames) == (32_000, 1, "PCM_16", 8_000)
        clip, _ = soundfile.read(path)
        assert np.max(np.abs(clip)) < 0.96
        assert np.sqrt(np.mean(clip**2)) > 10 ** (-60 / 20)
        assert len(np.unique(clip)) > 50


def test_bytes_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    alone = generate(tmp_path / "alone", TINY, workers=1)
    shared = generate(tmp_path / "shared", TINY, workers=2)
    assert digest(alone) == digest(shared)


def test_more_locations_only_add_files(tmp_path: Path) -> None:
    few = digest(generate(tmp_path / "few", TINY, workers=1))
    more = digest(generate(tmp_path / "more", replace(TINY, train_locations=2), workers=1))
    audio = {name: value for name, value in few.items() if name.endswith(".wav")}
    assert audio.items() <= more.items()


def test_another_seed_sounds_different(tmp_path: Path) -> None:
    first, second = (digest(generate(tmp_path / str(seed), replace(TINY, seed=seed), workers=1)) for seed in (0, 1))
    audio = [set(value for name, value in files.items() if name.endswith(".wav")) for files in (first, second)]
    assert not audio[0] & audio[1]


def test_existing_data_set_is_reused_or_refused(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    root = generate(tmp_path / "set", TINY, workers=1, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (TINY.clips, TINY.clips)
    before, count = digest(root), len(calls)
    generate(root, TINY, workers=1, progress=lambda done, total: calls.append((done, total)))
    assert digest(root) == before
    assert len(calls) == count
    with pytest.raises(ValueError, match="another synthetic data set"):
        generate(root, replace(TINY, seed=1), workers=1)
    (tmp_path / "mine").mkdir()
    with pytest.raises(ValueError, match="not a synthetic data set"):
        generate(tmp_path / "mine", TINY, workers=1)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failure_leaves_no_files(tmp_path: Path, workers: int) -> None:
    def fail(done: int, total: int) -> None:
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        generate(tmp_path / "set", TINY, workers=workers, progress=fail)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


@pytest.mark.parametrize("scene", SCENES)
def test_every_source_gives_sound(scene: str) -> None:
    span = Span(32_000, 64_000)
    for name, source in SCENES[scene].sources.items():
        sound = source.render(stream(5, name), span)
        assert sound.shape == (span.samples,)
        assert sound.dtype == np.float32
        assert np.all(np.isfinite(sound))
        # An event source may be silent for two seconds, but when it sounds it is at unit level.
        assert np.max(np.abs(sound)) < 50


@pytest.mark.parametrize("name", DEVICES)
def test_impulse_responses_start_at_once(name: str) -> None:
    response = impulse_response(DEVICES[name], 32_000)
    energy = np.cumsum(response**2)
    assert np.all(np.isfinite(response))
    assert energy[64] > 0.8 * energy[-1]


@pytest.mark.parametrize("wrong", [{"train_locations": 0}, {"sample_rate": 8000}, {"seconds": 0.0}])
def test_impossible_specifications_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must"):
        SyntheticSpec(**wrong)


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["flipped", "missing", "no list"])
def test_damaged_scenes_are_simulated_anew(tmp_path: Path, damage: str) -> None:
    from hwasc.data.synthetic.checking import damaged_files, discard_if_damaged
    from hwasc.data.synthetic.generate import HASHES

    spec = SyntheticSpec(train_locations=2, test_locations=1, clips_per_location=1, test_clips_per_location=1)
    root = generate(tmp_path / "scenes", spec, workers=1)
    assert damaged_files(root, tmp_path / "cache") == []
    file = sorted(root.rglob("*.wav"))[3] if damage != "no list" else root / HASHES
    content = file.read_bytes()
    file.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]) if damage == "flipped" else file.unlink()
    lines: list[str] = []
    discard_if_damaged(root, tmp_path / "cache", lines.append)
    assert not root.exists() and len(lines) == 1 and file.name in lines[0]
    generate(root, spec, workers=1)
    if damage != "no list":
        assert file.read_bytes() == content
