"""`hwasc data check`: official counts, the user's own folders, and reports of missing files."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hwasc.data import inventory, tables, tau
from hwasc.data.checking import check
from hwasc.data.official import TAU2022, fingerprint, segment, subset_faults
from hwasc.records.data_settings import DataSettings

Run = Callable[..., tuple[int, str, str]]
LISTS = Path(__file__).parents[3] / "shared" / "data" / "tau2022_lists"
needs_lists = pytest.mark.skipif(not LISTS.is_dir(), reason="the official TAU 2022 lists are not here")


@needs_lists
def test_the_counts_are_those_of_the_official_lists() -> None:
    meta, train, evaluation = tau.read_lists(LISTS)
    parts = {"train": train, "evaluate": evaluation, "neither": sorted(set(meta) - set(train) - set(evaluation))}
    assert len(meta) == TAU2022.clips and len({segment(n) for n in meta}) == TAU2022.segments
    for part, names in parts.items():
        assert fingerprint(names) == TAU2022.fingerprints[part]
        for group, column in (("scene", 0), ("device", 2)):
            values = [meta[n][column] for n in names]
            assert {v: values.count(v) for v in set(values)} == TAU2022.counts[part][group]
        assert TAU2022.counts[part]["all"] == {"clips": len(names)}
    subsets = tau.read_subsets(LISTS)
    assert {name: len(names) for name, names in subsets.items()} == TAU2022.subsets and not subset_faults(
        train, subsets
    )


def test_the_counts_agree_with_each_other() -> None:
    for groups in TAU2022.counts.values():
        assert sum(groups["scene"].values()) == sum(groups["device"].values()) == groups["all"]["clips"]
    total = {part: groups["all"]["clips"] for part, groups in TAU2022.counts.items()}
    assert total == {"train": 139_620, "evaluate": 29_680, "neither": 61_050} and sum(total.values()) == TAU2022.clips
    assert not {"s4", "s5", "s6"} & set(TAU2022.counts["train"]["device"])


@needs_lists
@pytest.mark.slow
def test_tau_without_its_audio_is_recognised_and_every_clip_is_missing(hwasc: Run, tmp_path: Path) -> None:
    root = tmp_path / "tau"
    shutil.copytree(LISTS, root)
    status, out, err = hwasc("data", "check", root, "--quick", "--json")
    found = json.loads(out)
    assert status == 1 and found["kind"] == "tau2022" and found["missing"] == found["files"] == 230_350
    assert (
        len(found["faults"]) == 1
        and "230,350 of 230,350 files are missing: audio/" in err
        and "data fetch tau2022" in err
    )
    row = {(r["part"], r["group"], r["name"]): (r["expected"], r["listed"], r["found"]) for r in found["rows"]}
    assert row["train", "device", "a"] == (102_150, 102_150, 0) and row["evaluate", "device", "s6"] == (3_300, 3_300, 0)


@needs_lists
@pytest.mark.long
def test_a_shortened_list_of_tau_is_reported(tmp_path: Path) -> None:
    for path in LISTS.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    rows = tables.read(LISTS / "fold1_evaluate.csv.xz", tables.LIST_COLUMNS)
    (tmp_path / "fold1_evaluate.csv.xz").unlink()
    (tmp_path / "fold1_evaluate.csv").write_text(
        "filename\tscene_label\n" + "".join(f"{n}\t{s}\n" for n, s in rows[:-1])
    )
    (tmp_path / "split5.csv.xz").unlink()
    faults = check(tmp_path, quick=True).faults
    assert any("the lists have 29,679 clips of evaluate, all clips; expected 29,680" in f for f in faults)
    assert any("61,051 clips of neither" in f for f in faults)
    assert any("no lists of the subsets 5;" in w for w in check(tmp_path, quick=True).warnings)


@pytest.mark.slow
def test_official_lists_are_compared_with_their_counts(tiny_data: Path) -> None:
    entries = inventory.list_entries(tiny_data)
    names = [e.name for e in entries]
    states = dict(zip(names, inventory.read_headers(tiny_data, names, 1.0), strict=True))
    train = [e for e in entries if e.part == "train"]
    facts = dataclasses.replace(
        TAU2022,
        clips=len(entries),
        segments=len({segment(n) for n in names}),
        counts={
            p: {
                g: {
                    v: sum(e.part == p and value(e) == v for e in entries)
                    for v in {value(e) for e in entries if e.part == p}
                }
                for g, value in (
                    ("all", lambda _: "clips"),
                    ("scene", lambda e: e.scene),
                    ("device", lambda e: e.device),
                )
            }
            for p in ("train", "evaluate")
        },
        fingerprints={"train": fingerprint(e.name for e in train)},
        rate=32_000,
    )
    good = inventory.build(tiny_data, entries, states, seconds=1.0, quick=False, facts=facts)
    assert good.kind == "tau2022" and not good.faults and good.rates == {32_000: len(entries)}
    assert all(r.expected == r.listed == r.found for r in good.rows if r.group != "location")
    states[train[0].name] = "missing"
    states[train[1].name] = "too short: 0.10 s of 1 s"
    bad = inventory.build(
        tiny_data, entries, states, seconds=1.0, quick=False, facts=dataclasses.replace(facts, rate=44_100)
    )
    assert len(bad.faults) == 2 and "1 of" in bad.faults[0] and "cannot be used" in bad.faults[1]
    row = next(r for r in bad.rows if (r.part, r.group) == ("train", "all"))
    assert (row.expected, row.found) == (len(train), len(train) - 2)
    assert list(bad.unusable) == [train[0].name, train[1].name] and "do not have the 44,100 Hz" in bad.warnings[0]


@pytest.mark.slow
def test_other_lists_in_the_layout_of_tau(hwasc: Run, tiny_data: Path) -> None:
    status, out, err = hwasc("data", "check", tiny_data, "--workers", "2")
    assert status == 0 and "lists of its own" in out and "can be used" in out and "device s6" in out, err
    assert hwasc("data", "check", tiny_data, "--quick")[0] == 0


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Two scenes of four recordings each: 2 s and more, two rates."""
    rng = np.random.default_rng(0)
    for scene in ("cafe", "park"):
        (tmp_path / "rec" / scene).mkdir(parents=True)
        for i in range(4):
            rate = 16_000 if i else 8_000
            soundfile.write(tmp_path / "rec" / scene / f"{i}.wav", rng.normal(0, 0.1, round((2.5 + i) * rate)), rate)
    return tmp_path / "rec"


def test_a_folder_of_recordings(hwasc: Run, recordings: Path) -> None:
    status, out, err = hwasc("data", "check", recordings)
    assert status == 0 and err == "" and "without official lists" in out and "can be used" in out
    assert out.splitlines()[2].split() == ["all", "8", "8", "28", "0.5"]
    assert "lengths 2.50 to 5.50 s" in out and "warning: mixed rates (8,000 Hz: 2, 16,000 Hz: 6)" in out
    assert hwasc("data", "check", recordings, "--seconds", "2")[1].splitlines()[2].split()[3] == "12"
    status, out, _ = hwasc("data", "check", recordings, "--quick", "--json")
    assert status == 0 and json.loads(out)["lengths"] is None


def test_unreadable_and_short_recordings_are_not_split(hwasc: Run, recordings: Path) -> None:
    (recordings / "cafe" / "1.wav").write_bytes((recordings / "cafe" / "1.wav").read_bytes()[:2000])
    (recordings / "cafe" / "2.wav").write_text("no sound")
    status, out, err = hwasc("data", "check", recordings)
    assert status == 1 and "cafe/1.wav (too short: " in err and "cafe/2.wav (not audio" in err and "more fault" in err
    assert "fault: " in out and "too few locations of 'cafe': 2 can be read, 3 are needed" in out


def test_a_single_unreadable_file_of_many_is_a_warning(recordings: Path) -> None:
    for i in range(4, 60):
        shutil.copy(recordings / "park" / "3.wav", recordings / "park" / f"{i}.wav")
    (recordings / "park" / "0.wav").write_bytes(b"")
    found = check(recordings)
    assert not found.faults and "1 of 64 files cannot be used: park/0.wav (empty file)" in found.warnings


def test_missing_files_of_a_table(hwasc: Run, recordings: Path) -> None:
    rows = "".join(f"{s}/{i}.wav\t{s}\tplace {i}\tphone\n" for s in ("cafe", "park") for i in range(5))
    (recordings / "meta.csv").write_text("filename\tscene_label\tidentifier\tsource_label\n" + rows)
    for quick in ((), ("--quick",)):
        status, out, err = hwasc("data", "check", recordings, *quick)
        assert status == 1 and "2 of 10 files are missing: cafe/4.wav, park/4.wav" in err and "device phone" in out
        assert "location place 4" in out


def test_a_missing_or_empty_folder(hwasc: Run, tmp_path: Path) -> None:
    assert "no such data folder" in hwasc("data", "check", tmp_path / "gone")[2]
    status, _, err = hwasc("data", "check", tmp_path)
    assert status == 1 and "neither a meta.csv nor a scene folder" in err


def test_the_result_does_not_depend_on_the_number_of_threads(tiny_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hwasc.data.checking.CHUNK", 7)
    assert check(tiny_data, workers=1) == check(tiny_data, workers=5)


def noise(rng: np.random.Generator, seconds: float = 3.0, rate: int = 32_000) -> np.ndarray:
    return 0.1 * rng.standard_normal(round(seconds * rate))


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """Three scenes of eight recordings."""
    rng = np.random.default_rng(1)
    for scene in "abc":
        (tmp_path / "clean" / scene).mkdir(parents=True)
        for k in range(8):
            soundfile.write(tmp_path / "clean" / scene / f"{k}.wav", noise(rng), 32_000)
    return tmp_path / "clean"


def test_a_clean_folder_has_no_warnings(hwasc: Run, clean: Path) -> None:
    status, out, err = hwasc("data", "check", clean)
    assert status == 0 and err == "" and out.splitlines()[-2] == "can be used" and "warning" not in out
    status, out, _ = hwasc("data", "check", clean, "--quick")
    assert status == 0 and out.splitlines()[-2] == "all files are there" and "usable" not in out


def test_what_only_decoding_shows(clean: Path) -> None:
    rng = np.random.default_rng(2)
    silent, broken = noise(rng), noise(rng)
    silent[32_000:64_000], broken[40_000] = 0, np.nan
    soundfile.write(clean / "a" / "0.wav", silent, 32_000)
    soundfile.write(clean / "a" / "1.wav", broken, 32_000, subtype="FLOAT")
    found = check(clean)
    assert found.unreadable == 0 and set(found.names["clips"]) == {
        "a/0.wav#1 (silent)",
        "a/1.wav#1 (NaN or infinite samples)",
    }
    (fault,) = found.faults
    assert "2 of 72 clips cannot be used (" in fault and "data.max_unreadable" in fault
    assert check(clean, quick=True).faults == ()
    allowed = check(clean, data=DataSettings(max_unreadable=0.2))
    assert not allowed.faults and any("2 of 72 clips" in w and "left out" in w for w in allowed.warnings)
    (clean / "b" / "0.wav").write_bytes(b"RIFF")
    (clean / "b" / "1.wav").write_text("no sound")
    fault = next(f for f in check(clean).faults if "files cannot be used" in f)
    assert (
        "2 of 24 files cannot be used: b/0.wav (" in fault
        and "at most 0.02 of them may be (data.max_unreadable)" in fault
    )


def test_channels_levels_and_shortcuts(clean: Path) -> None:
    rng = np.random.default_rng(3)
    x = noise(rng)
    soundfile.write(clean / "a" / "0.wav", np.stack([x, 0 * x], axis=1), 32_000)
    soundfile.write(clean / "a" / "1.wav", np.stack([x[::-1], -x[::-1]], axis=1), 32_000)
    soundfile.write(clean / "a" / "2.wav", noise(rng) * 32768, 32_000, subtype="FLOAT")
    for k in range(8):
        soundfile.write(clean / "b" / f"{k}.wav", 0.1 * noise(rng, rate=8000), 8000)
        soundfile.write(clean / "c" / f"{k}.wav", 0.01 * noise(rng), 32_000)
    found = check(clean)
    text = "\n".join(found.warnings)
    assert found.channels == {1: 21, 2: 2} and found.names["dead_channels"] == ("a/0.wav",)
    assert found.names["opposite_channels"] == ("a/1.wav",)
    assert "full scale is 1" in found.unusable["a/2.wav"] and any(
        "a/2.wav (float samples up to" in f for f in found.faults
    )
    assert (
        "have nothing above 4 kHz" in text
        and "sample rate" in text
        and "level" in text
        and "alone tells the class" in text
    )


def test_twins_are_named(hwasc: Run, clean: Path) -> None:
    shutil.copy(clean / "a" / "0.wav", clean / "a" / "copy.wav")
    wave, rate = soundfile.read(clean / "b" / "0.wav")
    soundfile.write(clean / "c" / "copy.flac", wave, rate)
    status, out, _ = hwasc("data", "check", clean)
    assert status == 0 and "4 recordings hold only 2 different sounds; each sound counts as one place" in out
    assert "1 of these sounds have several labels: b/0.wav (b) = c/copy.flac (c)" in out
    found = json.loads(hwasc("data", "check", clean, "--json")[1])
    assert found["names"]["twins"] == ["a/0.wav = a/copy.wav", "b/0.wav = c/copy.flac"]


def test_twins_on_both_sides_of_official_lists(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    (tmp_path / "audio").mkdir()
    names = [f"audio/{scene}-{place}-{k}-a.wav" for scene in "xy" for place in range(4) for k in range(2)]
    for name in names:
        soundfile.write(tmp_path / name, noise(rng, 1.0, 8000), 8000)
    shutil.copy(tmp_path / names[0], tmp_path / names[7])  # place 0 is in training, place 3 in the test
    rows = [(n, n[6], f"{n[6]}{n[8]}", "a") for n in names]
    (tmp_path / "meta.csv").write_text(
        "filename\tscene_label\tidentifier\tsource_label\n" + "".join("\t".join(row) + "\n" for row in rows)
    )
    for part, places in (("train", "012"), ("evaluate", "3")):
        chosen = [f"{n}\t{s}\n" for n, s, place, _ in rows if place[1] in places]
        (tmp_path / f"fold1_{part}.csv").write_text("filename\tscene_label\n" + "".join(chosen))
    found = check(tmp_path)
    assert found.names["twins_in_test"] == (f"{names[0]} = {names[7]}",)
    assert any("1 sounds are in the official test split and outside of it" in w for w in found.warnings)


def test_a_folder_with_all_faults_is_one_screen(hwasc: Run, clean: Path) -> None:
    rng = np.random.default_rng(5)
    x = noise(rng)
    soundfile.write(clean / "a" / "dead.wav", np.stack([x, 0 * x], axis=1), 32_000)
    soundfile.write(clean / "a" / "opposite.wav", np.stack([x, -x], axis=1), 32_000)
    soundfile.write(clean / "a" / "loud.wav", noise(rng) * 32768, 32_000, subtype="FLOAT")
    soundfile.write(clean / "b" / "silent.wav", 0 * x, 32_000)
    soundfile.write(clean / "b" / "short.wav", x[:9000], 32_000)
    for k in range(20):
        (clean / "b" / f"empty{k}.wav").write_bytes(b"")
        (clean / "c" / f"text{k}.flac").write_text("no sound")
        (clean / "c" / f"phone{k}.m4a").write_bytes(b"x")
        soundfile.write(clean / "c" / f"narrow{k}.wav", 0.01 * noise(rng, rate=8000), 8000)
    shutil.copy(clean / "a" / "0.wav", clean / "b" / "copy.wav")
    (clean / "d").mkdir()
    (clean / "e").mkdir()
    (clean / "e" / "x.m4a").write_bytes(b"x")
    (clean / "loose.wav").write_bytes((clean / "a" / "1.wav").read_bytes())
    status, out, _ = hwasc("data", "check", clean)
    rows = sum(1 + len(line) // 100 for line in out.splitlines())
    assert status == 1 and rows <= 55 and "can be used" not in out.splitlines()
    said = (
        "dead channel",
        "opposite sign",
        "full scale",
        "silent",
        "too short",
        "empty",
        "m4a",
        "several labels",
        "kHz",
    )
    assert [words for words in (*said, "loose") if words not in out] == []
