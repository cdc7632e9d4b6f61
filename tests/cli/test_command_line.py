"""The command line as a person meets it: help, speed, exit statuses, one clear line for every mistake."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from hwasc.cli import VERBS
from hwasc.cost.frontend import front_end_costs
from hwasc.nas import proxies
from hwasc.nas.job import Candidate, Score
from hwasc.records.presets import dcase2024_baseline
from tests.speed import seconds

Run = Callable[..., tuple[int, str, str]]
BEST = "dcase2024_baseline"


def one_line(err: str) -> str:
    """The message of a failed command: its last line, and no traceback anywhere."""
    assert "Traceback" not in err and "unexpected" not in err, err
    return err.strip().splitlines()[-1]


@pytest.mark.parametrize("verb", VERBS)
def test_every_help_has_examples(hwasc: Run, verb: str) -> None:
    status, out, _ = hwasc(verb, "--help")
    assert status == 0 and f"hwasc {verb} " in out.partition("examples:")[2]


@pytest.mark.parametrize(
    ("argv", "bound"), [(("--help",), 0.5), (("profile", "--arch", "cp_mobile", "--budget", "nrf52840"), 1.0)]
)
def test_help_and_profile_answer_at_once(argv: tuple[str, ...], bound: float) -> None:
    command = [sys.executable, "-m", "hwasc", *argv]
    assert seconds(lambda: subprocess.run(command, check=True, capture_output=True)) < bound


@pytest.mark.parametrize(
    ("argv", "status", "expected"),
    [
        ((), 2, "VERB"),
        (("serch",), 2, "search"),
        (("search",), 2, "--budget"),
        (("search", "--budget", "dcase2042"), 2, "did you mean 'dcase202"),
        (("search", "--budget", "none.yaml"), 2, "none.yaml"),
        (("search", "--budget", "dcase2024", "--space", "ful"), 2, "did you mean 'full'"),
        (("search", "--budget", "dcase2024", "--set", "search.trial=3"), 2, "did you mean 'trials'"),
        (("search", "--budget", "dcase2024", "--trials", "0"), 2, "at least 1"),
        (("search", "--budget", "dcase2024", "--data", "nowhere"), 1, "nowhere"),
        (("search", "--budget", "dcase2024", "--data", ".", "--device", "warp"), 2, "warp"),
        (
            ("bench", "strategies", "--budget", "dcase2024", "--count", "9"),
            2,
            "--count has no effect on bench strategies",
        ),
        (("bench", "proxy", "--budget", "dcase2024", "--seeds", "3"), 2, "--seeds has no effect on bench proxy"),
        (("distill", "--arch", "cp_mobil"), 2, "did you mean 'cp_mobile'"),
        (("distill", "--arch", "gone.json"), 2, "gone.json"),
        (("profile", "--arch", BEST, "--budget", "dcase2024x"), 2, "did you mean 'dcase2024'"),
        (("evaluate", "--model", "gone.onnx"), 2, "gone.onnx"),
        (("evaluate", "--model", "gone.tflite"), 2, "gone.tflite"),
        (("export", "--weights", "gone.safetensors"), 2, "gone.safetensors"),
        (("export", "--weights", "w", "--format", "onnx", "--out", "m.tflite"), 2, "ends with .onnx"),
        (("export", "--weights", "w", "--planner", "offline"), 2, "for --format tflite"),
        (("export", "--weights", "w", "--out", "m.c"), 2, ".c names no format"),
        (("submit", "--year", "2023"), 2, "invalid choice"),
        (
            ("submit", "--year", "2025", "--run", "r", "--evaluation", "e", "--label", "A_B_task1_1"),
            2,
            "--about is missing",
        ),
        (("profile", "--model", "gone.tflite"), 2, "gone.tflite"),
        (("profile", "--model", "student.onnx"), 2, "only .tflite files"),
        (("profile", "--model", "m.tflite", "--arch", BEST), 2, "not allowed with"),
    ],
)
def test_wrong_use(hwasc: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_data: Path, tiny_cache: Path,
                   argv: tuple[str, ...], status: int, expected: str) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    if argv and argv[0] in ("distill", "evaluate") and "--data" not in argv:
        argv = (*argv, "--data", str(tiny_data), "--cache", str(tiny_cache))
    found, _, err = hwasc(*argv)
    assert (found, expected in err) == (status, True), err
    one_line(err)


@pytest.mark.slow
def test_an_infeasible_budget_ends_in_seconds_with_status_2(hwasc: Run, tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("name: b\nlimits: {macs: {max: 1000}}\n")
    start = time.monotonic()
    status, _, err = hwasc("search", "--budget", tmp_path / "b.yaml", "--run", tmp_path / "r", tiny=True)
    assert status == 2 and "macs.torchinfo is at least" in one_line(err) and time.monotonic() - start < 20
    assert not (tmp_path / "r").exists()


@pytest.mark.slow
def test_an_infeasible_budget_is_refused_before_any_scene_is_simulated(tmp_path: Path) -> None:
    """A fresh process with an empty cache: simulating the embedded scenes alone would take a minute."""
    (tmp_path / "b.yaml").write_text("name: b\nlimits: {parameters: {max: 10}}\n")
    argv = ["search", "--budget", "b.yaml", "--space", "small", "--cache", "cache", "--run", "r"]
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-m", "hwasc", *argv], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    after = os.times()
    assert done.returncode == 2 and "parameters is at least" in done.stderr, done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.yaml"], "nothing was written"
    computed = after.children_user + after.children_system - before.children_user - before.children_system
    assert computed < 12  # seconds of CPU, about 4 on an idle machine; on a busy one the clock on the wall says little


def test_an_architecture_for_other_classes_is_refused(hwasc: Run, tmp_path: Path) -> None:
    from hwasc.records import architecture
    from hwasc.records.presets import cp_mobile

    architecture.save(tmp_path / "a.json", cp_mobile(classes=4))
    status, _, err = hwasc("distill", "--arch", tmp_path / "a.json", "--run", tmp_path / "r", tiny=True)
    assert status == 2 and "is for 4 classes, but the data has 10" in one_line(err)
    architecture.save(tmp_path / "b.json", cp_mobile(), {"classes": [str(i) for i in range(10)]})
    status, _, err = hwasc("distill", "--arch", tmp_path / "b.json", "--run", tmp_path / "r", tiny=True)
    assert status == 2 and "airport" in one_line(err)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Two scenes, four places each, two seconds a recording."""
    rng = np.random.default_rng(0)
    for scene in ("cafe", "park"):
        (tmp_path / "rec" / scene).mkdir(parents=True)
        for i in range(4):
            soundfile.write(tmp_path / "rec" / scene / f"{i}.wav", rng.normal(0, 0.1, 64_000), 32_000)
    return tmp_path / "rec"


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda p: p.write_bytes(b""), "empty"),
        (_truncate, "too short"),
        (lambda p: p.write_text("no sound"), "not audio"),
        (lambda p: soundfile.write(p, np.zeros(64_000), 32_000), "silent"),
        (lambda p: soundfile.write(p, np.full(64_000, np.nan, np.float32), 32_000, subtype="FLOAT"), "NaN"),
        (lambda p: soundfile.write(p, np.ones(100) * 0.1, 32_000), "too short"),
    ],
    ids=["empty", "truncated", "no-audio", "silent", "nan", "short"],
)
def test_a_damaged_recording_stops_the_run_past_the_stated_share(
    hwasc: Run, recordings: Path, tmp_path: Path, damage: Callable[[Path], None], expected: str
) -> None:
    for path in sorted(recordings.rglob("*.wav"))[::2]:
        damage(path)
    status, _, err = hwasc("teach", "--data", recordings, "--cache", tmp_path / "c")
    assert status == 1, err
    line = one_line(err)
    assert expected in err and len(line) < 600


@pytest.mark.slow
def test_a_few_damaged_recordings_are_listed_and_left_out(
    hwasc: Run, recordings: Path, tmp_path: Path, tiny_settings: list[str]
) -> None:
    from hwasc.data.opening import open_dataset

    silenced = next(c.path for c in open_dataset(recordings, validation_share=0.3).train)
    soundfile.write(silenced, np.zeros(64_000), 32_000)
    allow = ("--set", "data.max_unreadable=0.5", "--set", "data.validation_share=0.3")
    status, _, err = hwasc("teach", "--data", recordings, "--cache", tmp_path / "c", *tiny_settings, *allow)
    assert status == 0 and "silent" in err and "left out" in err, err


def test_one_class_and_one_recording_a_class(hwasc: Run, recordings: Path, tmp_path: Path) -> None:
    for path in (recordings / "cafe").glob("[1-9].wav"):
        path.unlink()
    status, _, err = hwasc("teach", "--data", recordings, "--cache", tmp_path / "c")
    assert status == 1 and "too few locations of 'cafe'" in one_line(err)
    shutil.rmtree(recordings / "cafe")
    status, _, err = hwasc("teach", "--data", recordings, "--cache", tmp_path / "c")
    assert status == 1 and "only the scene 'park'" in one_line(err)


def test_a_table_that_names_absent_files_or_unknown_columns(hwasc: Run, recordings: Path, tmp_path: Path) -> None:
    head = "filename\tscene_label\tidentifier\tsource_label\n"
    rows = "".join(f"{s}/{i}.wav\t{s}\tp{s}{i}\ta\n" for s in ("cafe", "park") for i in range(5))
    (recordings / "meta.csv").write_text(head + rows)
    status, _, err = hwasc("teach", "--data", recordings, "--cache", tmp_path / "c")
    assert status == 1 and "cafe/4.wav" in one_line(err)
    (recordings / "meta.csv").write_text(head.replace("scene_label", "scene_lable") + rows)
    status, _, err = hwasc("teach", "--data", recordings, "--cache", tmp_path / "c")
    assert status == 1 and "scene_lable" in one_line(err) and "scene_label" in one_line(err)


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x08\x07" * 50])
@pytest.mark.parametrize("suffix", [".onnx", ".safetensors", ".txt"])
def test_foreign_model_files(hwasc: Run, tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"m{suffix}"
    path.write_bytes(content)
    status, _, err = hwasc("evaluate", "--model", path, tiny=True)
    could_be_damaged = suffix == ".safetensors" and content.startswith(b"\x08")
    assert status == (1 if could_be_damaged else 2) and path.name in one_line(err)


@pytest.mark.slow
def test_a_full_disk_is_said_in_one_line(
    hwasc: Run, tmp_path: Path, tiny_space: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def full(handle: int) -> None:
        if "trials" in os.readlink(f"/proc/self/fd/{handle}"):
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    argv = (
        "search",
        "--budget",
        "dcase2024",
        "--space",
        tiny_space,
        "--run",
        tmp_path / "r",
        "--out",
        tmp_path / "b.json",
    )
    status, _, err = hwasc(*argv, tiny=True)
    assert status == 1 and "No space left" in one_line(err)
    monkeypatch.undo()
    assert hwasc(*argv, tiny=True)[0] == 0, "the same command goes on"


@pytest.mark.slow
def test_ctrl_c_in_one_process_exits_130_and_the_same_command_goes_on(
    hwasc: Run, tmp_path: Path, tiny_space: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    argv = [
        "search",
        "--budget",
        "dcase2024",
        "--space",
        tiny_space,
        "--run",
        tmp_path / "r",
        "--out",
        tmp_path / "b.json",
    ]
    real, begun, handler = proxies.score, [], signal.getsignal(signal.SIGINT)

    def interrupted(candidate: Candidate) -> Score:
        begun.append(candidate)
        if len(begun) == 2:
            signal.raise_signal(signal.SIGINT)
        return real(candidate)

    monkeypatch.setattr(proxies, "score", interrupted)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the processes of a test run ignore it
    try:
        status, _, err = hwasc(*argv, tiny=True)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert status == 130 and "Traceback" not in err and "continues from there" in err, err
    saved = (tmp_path / "r" / "trials.jsonl").read_text()
    assert saved.count("\n") == 1 and hwasc(*argv, tiny=True)[0] == 0
    assert (tmp_path / "r" / "trials.jsonl").read_text().startswith(saved)


@pytest.mark.slow
@pytest.mark.parametrize(("signal_number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(
    "engine",
    [
        "local",
        pytest.param(
            "ray",
            marks=[
                pytest.mark.long,
                pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="no hwasc[ray]"),
            ],
        ),
    ],
)
def test_ctrl_c_and_sigterm_end_workers_and_the_same_command_goes_on(
    hwasc: Run,
    tiny_data: Path,
    tiny_cache: Path,
    tmp_path: Path,
    tiny_space: Path,
    tiny_settings: list[str],
    engine: str,
    signal_number: int,
    expected: int,
) -> None:
    temporary = tempfile.TemporaryDirectory(prefix="h", dir="/tmp")  # short enough for Ray's sockets
    argv = [sys.executable, "-m", "hwasc", "search", "--budget", "dcase2024", "--space", str(tiny_space)]
    argv += ["--run", str(tmp_path / "r"), "--out", str(tmp_path / "b.json"), "--cache", str(tiny_cache)]
    argv += ["--data", str(tiny_data), *tiny_settings, "--set", "search.trials=6"]
    argv += ["--engine", engine, "--workers", "2"]
    process = subprocess.Popen(
        argv,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "TMPDIR": temporary.name},
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.default_int_handler
        ),  # a background shell's children ignore it
    )
    journal = tmp_path / "r" / "trials.jsonl"
    deadline = time.monotonic() + 180
    while not (journal.is_file() and journal.read_text().count("\n") >= 1) and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    children = psutil.Process(process.pid).children(recursive=True)
    if signal_number == signal.SIGINT:
        os.killpg(process.pid, signal_number)  # as a terminal does: the workers hear it too
    else:
        os.kill(process.pid, signal_number)
    _, err = process.communicate(timeout=60)
    assert not psutil.wait_procs(children, timeout=5)[1], "no child is left"
    assert process.returncode == expected and "Traceback" not in err and "continues from there" in err, err
    with temporary as folder:
        assert not list(Path(folder).glob("hwasc-ray-*")), "Ray leaves no files"
        assert not [p.pid for p in psutil.process_iter(["cmdline"]) if folder in " ".join(p.info["cmdline"] or ())]
    saved = journal.read_text()
    status, _, err = hwasc(*argv[3:-4])  # in one process: neither the engine nor the number of workers is part of a run
    assert status == 0, err
    assert journal.read_text().startswith(saved) and journal.read_text().count("\n") == 6


def test_json_alone_on_standard_output(hwasc: Run) -> None:
    status, out, err = hwasc("profile", "--arch", BEST, "--budget", "dcase2024", "--json")
    data = json.loads(out)
    assert status == 0 and err == ""
    assert (data["parameters"], data["macs"]["torchinfo"]) == (61_148, 29_419_156)
    assert data["int8_memory"]["activations"] == 210_944 and {"conv", "torchinfo"} <= set(data["macs"])
    assert {x["name"]: x["slack"] for x in data["limits"]} == {"macs.torchinfo": 580_844, "parameter_memory": 66_852}
    front_end = data["front_end_costs"]
    assert (front_end["n_fft"], front_end["window"], front_end["hop"], front_end["how_known"]) == (
        4096,
        3072,
        500,
        "estimate",
    )
    assert (
        front_end["macs"]["fft"] == 65 * 63_492 and front_end["ram"]["total"] == 39_920 and front_end["map"] == 256 * 65
    )


def test_the_table_is_whole_in_a_pipe(hwasc: Run) -> None:
    _, out, _ = hwasc("profile", "--arch", BEST)
    macs = front_end_costs(dcase2024_baseline().front_end).macs.total
    assert "FFT 4,096, window 3,072, hop 500, 256 mels, 65 frames" in out and f"(estimate): {macs:,} MACs" in out
    assert "…" not in out and re.search(r"blocks\.0\.expand.*64x64x17.*2,176", out)
