"""No figure is measured on clips that a model was trained on or chosen by, whatever splits are drawn afterwards."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]
RATE = 8_000
SETTINGS = [
    "distill.alpha=0", "distill.train.epochs=1", "distill.train.batch=16", "distill.qat.epochs=1", "distill.qat.batch=16",
]  # fmt: skip


def recordings(root: Path, scenes: str, count: int = 8, seed: int = 0) -> Path:
    """Folders of filtered noise, two seconds each; every file has a filter of its own, so labels mean nothing."""
    rng = np.random.default_rng(seed)
    for scene in scenes:
        (root / scene).mkdir(parents=True)
        for k in range(count):
            wave = np.convolve(rng.standard_normal(2 * RATE), rng.standard_normal(16), "same")
            soundfile.write(root / scene / f"{k}.wav", 0.1 * wave / wave.std(), RATE)
    return root


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with recordings `R`, and a student of them in `d`."""
    import hwasc
    from hwasc.records import architecture as architectures
    from hwasc.records.architecture import Architecture
    from hwasc.records.blocks import InvertedResidual
    from hwasc.records.front_end import FrontEnd

    folder = tmp_path_factory.mktemp("made")
    front_end = FrontEnd.for_clip(20, 9, n_fft=512, window=512, sample_rate=RATE)
    blocks = (InvertedResidual(kernel=3, expanded=16, channels=8, stride=(1, 1), shortcut=True),)
    tiny = Architecture(front_end, (4, 8), blocks, 3)
    architectures.save(folder / "tiny.json", tiny)
    recordings(folder / "R", "abc")
    ws = hwasc.open(folder / "R", overrides=SETTINGS, cache=folder / "cache", progress=False)
    hwasc.distill(ws, tiny, run=folder / "d")
    return folder


def evaluate(hwasc: Run, made: Path, *more: object, data: Path | None = None, model: str = "d/int8.safetensors"):  # type: ignore[no-untyped-def]
    """Exit status, `measured` of the result, standard error."""
    status, out, err = hwasc(
        "evaluate", "--model", made / model, "--data", data or made / "R", "--cache", made / "cache", "--json", *more
    )
    return status, json.loads(out)["measured"] if status == 0 else None, err


def test_the_same_splits_leave_nothing_out(hwasc: Run, made: Path) -> None:
    status, measured, _ = evaluate(hwasc, made)
    result = json.loads((made / "d/result.json").read_text())
    assert status == 0
    assert measured["left_out"] == 0 and measured["clips"] == result["int8"]["clips"] == result["measured"]["clips"]
    assert measured["training"] + measured["validation"] == 24 - measured["locations"]
    assert measured["split"] == "test" and measured["data"] == str(made / "R")


def known_names(made: Path) -> set[bytes]:
    """The contents of the recordings that the student was trained on or chosen by, by an independent way: its own splits."""
    import hwasc

    ws = hwasc.open(made / "R", overrides=SETTINGS, cache=made / "cache", progress=False)
    return {c.path.read_bytes() for c in (*ws.dataset.train, *ws.dataset.validation)}


@pytest.mark.parametrize(
    "change", [("--set", "data.fold=1/4"), ("--set", "data.test_share=0.5"), ("--set", "data.fold=2/3")]
)
def test_other_splits_leave_the_known_places_out(hwasc: Run, made: Path, change: tuple[str, ...]) -> None:
    import hwasc as package

    ws = package.open(made / "R", overrides=[*SETTINGS, change[1]], cache=made / "cache", progress=False)
    fresh = {c.path for c in ws.dataset.test if c.path.read_bytes() not in known_names(made)}
    status, measured, err = evaluate(hwasc, made, *change)
    if len({path.parent.name for path in fresh}) < 2:
        assert status == 2 and "no honest figure" in err
        return
    assert status == 0 and measured["left_out"] > 0
    assert measured["locations"] == len(fresh) and measured["left_out_locations"] + len(fresh) == len(
        {c.location for c in ws.dataset.test}
    )


@pytest.mark.parametrize("change", ["one file more", "renamed", "another folder"])
def test_names_do_not_matter(hwasc: Run, made: Path, tmp_path: Path, change: str) -> None:
    data = tmp_path / "R"
    shutil.copytree(made / "R", data)
    if change == "one file more":
        wave = 0.1 * np.random.default_rng(9).standard_normal(2 * RATE)
        soundfile.write(data / "a" / "9.wav", wave, RATE)
    elif change == "renamed":
        for file in sorted(data.rglob("*.wav")):
            file.rename(file.with_name(f"z{9 - int(file.stem)}.wav"))
    else:
        data = data.rename(tmp_path / "copied")
    import hwasc as package

    ws = package.open(data, overrides=SETTINGS, cache=made / "cache", progress=False)
    known = known_names(made)
    fresh = {c.path for c in ws.dataset.test if c.path.read_bytes() not in known}
    status, measured, err = evaluate(hwasc, made, data=data)
    if len({path.parent.name for path in fresh}) > 1:
        assert status == 0 and measured["locations"] == len(fresh)
    else:
        assert status == 2 and "no honest figure" in err


@pytest.mark.parametrize("form", ["flac", "quieter", "24 bit", "ogg"])
def test_copies_in_other_forms_are_known(hwasc: Run, made: Path, tmp_path: Path, form: str) -> None:
    known = known_names(made)
    for file in sorted((made / "R").rglob("*.wav")):
        wave, rate = soundfile.read(file)
        suffix = form if form in ("flac", "ogg") else "wav"
        to = (
            tmp_path / "R" / file.parent.name / f"{'k' if file.read_bytes() in known else 'n'}{file.stem}"
        ).with_suffix(f".{suffix}")
        to.parent.mkdir(parents=True, exist_ok=True)
        subtype = {"24 bit": "PCM_24", "ogg": "VORBIS"}.get(form, "PCM_16")
        soundfile.write(to, wave * (0.5 if form == "quieter" else 1), rate, subtype=subtype)
    status, measured, err = evaluate(hwasc, made, "--split", "all", data=tmp_path / "R")
    assert status == 0, err
    assert measured["left_out_locations"] == len(known) and measured["locations"] == 24 - len(known)


def test_a_place_is_known_by_one_of_its_recordings(hwasc: Run, made: Path, tmp_path: Path) -> None:
    """A new recording of a place that was trained on says nothing of new places."""
    data = tmp_path / "R"
    shutil.copytree(made / "R", data)
    soundfile.write(data / "new.wav", 0.1 * np.random.default_rng(9).standard_normal(2 * RATE), RATE)
    lines = ["filename\tscene_label\tidentifier\tsource_label", "new.wav\ta\tp0\tx"]
    for file in sorted(data.rglob("?/*.wav")):
        place = "p0" if file.read_bytes() in known_names(made) else f"q{file.parent.name}{file.stem}"
        lines.append(f"{file.relative_to(data)}\t{file.parent.name}\t{place}\tx")
    (data / "meta.csv").write_text("\n".join(lines) + "\n")
    status, measured, err = evaluate(hwasc, made, "--split", "all", data=data)
    assert status == 0, err
    assert measured["left_out_locations"] == 1 and measured["left_out"] == 2 * (len(known_names(made)) + 1)


@pytest.mark.parametrize(("scenes", "count"), [("abc", 1), ("ab", 2), ("c", 1)])
def test_a_folder_that_is_all_new(hwasc: Run, made: Path, tmp_path: Path, scenes: str, count: int) -> None:
    data = recordings(tmp_path / "new", scenes, count, seed=5)
    status, measured, err = evaluate(hwasc, made, "--split", "all", data=data)
    assert status == 0, err
    assert measured["split"] == "all" and measured["clips"] == 2 * count * len(scenes) and measured["left_out"] == 0
    assert measured["missing"] == [s for s in "abc" if s not in scenes]
    status, _, err = evaluate(hwasc, made, data=data)
    assert status == 1 and "add --split all" in err


def test_one_scene_that_is_left_of_several_is_no_figure(hwasc: Run, made: Path, tmp_path: Path) -> None:
    data = recordings(tmp_path / "mixed", "b", 2, seed=5)
    known = next(
        p
        for p in sorted((made / "R").rglob("*.wav"))
        if p.read_bytes() in known_names(made) and "b" not in p.parent.name
    )
    (data / known.parent.name).mkdir()
    shutil.copy(known, data / known.parent.name)
    status, _, err = evaluate(hwasc, made, "--split", "all", data=data)
    assert status == 2 and "every location but those of 'b'" in err


def test_unknown_scenes_are_refused(hwasc: Run, made: Path, tmp_path: Path) -> None:
    data = recordings(tmp_path / "new", "ad", 1, seed=5)
    status, _, err = evaluate(hwasc, made, "--split", "all", data=data)
    assert status == 2 and "a, d" in err


@pytest.mark.parametrize("model", ["d/float.safetensors", "d/student.onnx", "d/student.tflite", "d/int8.safetensors"])
def test_every_file_carries_the_record(hwasc: Run, made: Path, tmp_path: Path, model: str) -> None:
    if model.endswith("tflite"):
        pytest.importorskip("tflite_micro")
    moved = tmp_path / Path(model).name
    shutil.copy(made / model, moved)  # without the file beside it: the cache has the record, or the file itself
    status, measured, err = evaluate(hwasc, made, "--set", "data.fold=1/4", model=str(moved))
    assert (status == 0 and measured["left_out"] > 0) or "no honest figure" in err
    status, _, err = evaluate(hwasc, made, "--cache", tmp_path / "other", "--set", "data.fold=1/4", model=str(moved))
    if model.endswith("tflite"):  # a chip's flash is dear: the file only names the record
        assert status == 1 and "record of its training clips is missing" in err and "--unseen" in err
        status, measured, _ = evaluate(hwasc, made, "--cache", tmp_path / "other", "--unseen", model=str(moved))
        assert status == 0 and measured["training"] is None
    else:
        assert (status == 0 and measured["left_out"] > 0) or "no honest figure" in err


@pytest.mark.parametrize("format", ["tflite", "onnx", "c", "tflm"])
def test_exports_write_the_record_beside_the_file(made: Path, tmp_path: Path, format: str) -> None:
    import hwasc
    from hwasc.records.training_clips import TrainingClips

    out = tmp_path / ("source" if format in ("c", "tflm") else f"x.{format}")
    hwasc.export(made / "d", out, format=format)
    record = TrainingClips.read(out / "clips.json" if out.is_dir() else tmp_path / "x.clips.json")
    assert len(record.recordings) == len(known_names(made))
    if out.is_dir():
        assert record.digest in (out / {"c": "scene.json", "tflm": "source.h"}[format]).read_text()
        hwasc.export(made / "d", out, format=format)  # again, over itself


def test_a_file_without_a_record_is_refused(hwasc: Run, made: Path, tmp_path: Path) -> None:
    from hwasc.deploy.exporting import load_int8
    from hwasc.deploy.onnx_qcdq import export

    export(*(load_int8(made / "d/int8.safetensors")[0], tmp_path / "old.onnx", ("a", "b", "c")))
    status, _, err = evaluate(hwasc, made, model=str(tmp_path / "old.onnx"))
    assert status == 1 and "does not say which clips it was trained on" in err and "--unseen" in err
    status, measured, _ = evaluate(hwasc, made, "--unseen", model=str(tmp_path / "old.onnx"))
    assert status == 0 and measured["training"] is None


def test_a_model_of_other_data_needs_data(hwasc: Run, made: Path, tmp_path: Path) -> None:
    """Outside its run folder, which would say where the data are."""
    for name in ("int8.safetensors", "architecture.json", "clips.json"):
        shutil.copy(made / "d" / name, tmp_path)
    status, _, err = hwasc("evaluate", "--model", tmp_path / "int8.safetensors", "--cache", made / "cache")
    assert status == 2 and "was made with the data 'R'" in err and "--data" in err
    status, _, err = hwasc(
        "distill", "--arch", tmp_path / "architecture.json", "--cache", made / "cache", "--run", made / "e"
    )
    assert status == 2 and "was made with the data 'R'" in err


def test_an_architecture_chosen_on_other_splits(hwasc: Run, made: Path, tmp_path: Path) -> None:
    """The run's architecture file stands for a search's best.json: its clips are left out of another seed's test."""
    import hwasc as package

    arguments = [x for s in SETTINGS for x in ("--set", s)]
    command = (
        "distill",
        "--arch",
        made / "d/architecture.json",
        "--data",
        made / "R",
        "--cache",
        made / "cache",
        *arguments,
    )
    ws = package.open(made / "R", overrides=[*SETTINGS, "data.fold=1/4"], cache=made / "cache", progress=False)
    fresh = {c.path for c in ws.dataset.test if c.path.read_bytes() not in known_names(made)}
    status, out, err = hwasc(*command, "--set", "data.fold=1/4", "--run", tmp_path / "e", "--json")
    if len({path.parent.name for path in fresh}) < 2:
        assert status == 2 and "no honest figure" in err
        return
    assert status == 0, err
    result = json.loads(out)
    assert result["measured"]["locations"] == len(fresh) and result["int8"]["clips"] == 2 * len(fresh)
    record = json.loads((tmp_path / "e/clips.json").read_text())
    assert len(record["train"] | record["validation"]) == 24 - len(fresh)  # its own, and those of the first


@pytest.fixture
def resumable(made: Path, tmp_path: Path) -> Path:
    """A copy of the recordings and of the finished run."""
    shutil.copytree(made / "R", tmp_path / "R")
    shutil.copytree(made / "d", tmp_path / "d")
    return tmp_path


def distill_again(hwasc: Run, made: Path, folder: Path, data: object) -> tuple[int, str]:
    arguments = [x for s in SETTINGS for x in ("--set", s)]
    common = ("--data", data, "--cache", made / "cache", "--run", folder / "d", *arguments)
    status, _, err = hwasc("distill", "--arch", made / "tiny.json", *common)
    return status, err


@pytest.mark.parametrize("spelling", ["R/", "R/../R", "{}//R"])
def test_another_spelling_of_the_folder_resumes(
    hwasc: Run, made: Path, resumable: Path, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    monkeypatch.chdir(resumable)
    before = (resumable / "d/int8.safetensors").stat().st_mtime_ns
    status, err = distill_again(hwasc, made, resumable, spelling.format(resumable))
    assert status == 0, err
    assert (resumable / "d/int8.safetensors").stat().st_mtime_ns == before


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_audio_replaced_in_place_is_another_data_set(hwasc: Run, made: Path, resumable: Path, split: str) -> None:
    import hwasc as package

    ws = package.open(resumable / "R", overrides=SETTINGS, cache=made / "cache", progress=False)
    path = getattr(ws.dataset, split)[0].path
    soundfile.write(path, 0.1 * np.random.default_rng(3).standard_normal(2 * RATE), RATE)
    status, err = distill_again(hwasc, made, resumable, resumable / "R")
    assert status == 2 and "holds a run with another configuration: " in err
    assert "dataset was" in err


def test_settings_that_name_the_same_folder_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hwasc.errors import UsageError
    from hwasc.records.run import open_run

    (tmp_path / "responses").mkdir()
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    open_run(tmp_path / "run", {"settings": {"augment": {"response_folder": "responses"}}})
    for same in ("responses/", "./responses", str(tmp_path / "responses")):
        open_run(tmp_path / "run", {"settings": {"augment": {"response_folder": same}}})
    with pytest.raises(UsageError, match="response_folder was 'responses', is now 'other'"):
        open_run(tmp_path / "run", {"settings": {"augment": {"response_folder": "other"}}})


def test_the_same_command_again_writes_the_same_bytes(hwasc: Run, made: Path, resumable: Path) -> None:
    before = {p.name: p.read_bytes() for p in (made / "d").iterdir()}
    status, err = distill_again(hwasc, made, resumable, resumable / "R")
    assert status == 0, err
    changed = [name for name, content in before.items() if (resumable / "d" / name).read_bytes() != content]
    assert set(changed) <= {"report.html", "result.json", "inputs.json"}
    first, second = (json.loads((f / "d/result.json").read_text()) for f in (made, resumable))
    for values in (first, second):  # the folder was moved for this test
        del values["data"], values["measured"]["data"], values["measured"]["folder"]
    assert first == second
    once = (resumable / "d/result.json").read_bytes()
    assert distill_again(hwasc, made, resumable, resumable / "R")[0] == 0
    assert (resumable / "d/result.json").read_bytes() == once


@pytest.mark.parametrize(
    "damage", ["flipped", *(pytest.param(how, marks=pytest.mark.long) for how in ("zeroed", "cut"))]
)
@pytest.mark.parametrize("part", ["float.safetensors", "int8.safetensors", "features"])
def test_what_is_damaged_is_made_anew(
    hwasc: Run, made: Path, resumable: Path, tmp_path: Path, part: str, damage: str
) -> None:
    cache = tmp_path / "cache"
    shutil.copytree(made / "cache", cache)
    for file in cache.rglob("features.f16") if part == "features" else [resumable / "d" / part]:
        content = bytearray(file.read_bytes())
        middle = len(content) // 2
        if damage == "flipped":
            content[middle] ^= 64
        elif damage == "zeroed":
            content[middle:] = bytes(len(content) - middle)
        else:
            del content[middle:]
        file.write_bytes(content)
    command = ("--data", resumable / "R", "--cache", cache, "--run", resumable / "d")
    arguments = [x for s in SETTINGS for x in ("--set", s)]
    status, _, err = hwasc("distill", "--arch", made / "tiny.json", *command, *arguments)
    assert status == 0, err
    assert "damaged" in err or "not readable" in err
    first, second = (json.loads((f / "d/result.json").read_text()) for f in (made, resumable))
    assert first["int8"] == second["int8"] and first["float"] == second["float"]


@pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler, cc")
def test_a_folder_of_c_is_measured_from_features_and_from_waveforms(hwasc: Run, made: Path, tmp_path: Path) -> None:
    """Both give int8's figures of `distill`; the folder knows its clips as a file does."""
    status, out, err = hwasc(
        "export", "--weights", made / "d/int8.safetensors", "--format", "c", "--out", tmp_path / "c"
    )
    assert status == 0 and "RAM " in out and "a decision each 1000 ms (8,000 samples, 8 frames)" in out, err
    common = ("evaluate", "--data", made / "R", "--cache", made / "cache", "--json", "--model")
    expected = json.loads((made / "d/result.json").read_text())["int8"]
    for arguments, runtime in ((("--workers", 2), ")"), (("--from", "waveform"), "), from waveforms")):
        status, out, err = hwasc(*common, tmp_path / "c", *arguments)
        assert status == 0, err
        found = json.loads(out)
        assert found["metrics"]["accuracy"] == expected["accuracy"] and found["measured"]["left_out"] == 0
        assert found["runtime"].startswith("c (") and found["runtime"].endswith(runtime)
    assert abs(found["metrics"]["log_loss"] - expected["log_loss"]) < 0.01
    status, _, err = hwasc(*common, tmp_path / "c", "--from", "waveform", "--snr", 10, "--noise", "white")
    assert status == 0, err
    status, _, err = hwasc(*common, made / "d/int8.safetensors", "--from", "waveform")
    assert status == 2 and "takes features, no waveforms" in err.splitlines()[-1]
    status, _, err = hwasc(*common, tmp_path / "c", "--runtime", "tflm")
    assert status == 2 and "tflm does not run folders (c does)" in err
    status, _, err = hwasc(
        "export",
        "--weights",
        made / "d/int8.safetensors",
        "--format",
        "onnx",
        "--hop",
        "250ms",
        "--out",
        tmp_path / "x.onnx",
    )
    assert status == 2 and "--format onnx has no option 'hop' (it is for --format c)" in err
