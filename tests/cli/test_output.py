"""Any text reaches a terminal of any encoding; names of files may be any bytes."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hwasc.cli.output import accept_every_character
from hwasc.progress import Reporter, print_table

TEXT = "café – 50 % ± 2, \udcff\udce9 → 日本"
SHOWN = {
    "ascii": b"caf\\xe9 - 50 % +/- 2, \\udcff\\udce9 -> \\u65e5\\u672c",
    "latin-1": b"caf\xe9 - 50 % \xb1 2, \\udcff\\udce9 -> \\u65e5\\u672c",
    "cp1252": b"caf\xe9 \x96 50 % \xb1 2, \\udcff\\udce9 -> \\u65e5\\u672c",
    "utf-8": "café – 50 % ± 2, \\udcff\\udce9 → 日本".encode(),
}


@pytest.mark.parametrize("encoding", SHOWN)
def test_what_an_encoding_lacks_is_written_in_another_way(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    accept_every_character()
    print(TEXT)
    reporter = Reporter()
    reporter.say(TEXT)
    print_table(reporter.console, ("name", "±"), [(TEXT, 1), ("b", 2)], "Größen –")
    for stream in (out, err):
        stream.flush()
        assert stream.buffer.getvalue().splitlines()[0] == SHOWN[encoding]  # type: ignore[attr-defined]
    assert len(err.buffer.getvalue().splitlines()) == 5  # type: ignore[attr-defined]


@pytest.fixture
def odd_folder(tmp_path: Path) -> Path:
    """Recordings whose names, and the names of whose folders, are no UTF-8."""
    if sys.platform == "darwin" or os.name == "nt":
        pytest.skip("names are text on this system")
    root = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), b"d\xff")))
    rng = np.random.default_rng(0)
    for scene in (b"caf\xe9", "Straße – ±".encode(), b"park"):
        folder = os.path.join(os.fsencode(root), scene)
        os.makedirs(folder)
        for k in range(3):
            content = io.BytesIO()
            soundfile.write(content, rng.normal(0, 0.1, 8000), 8000, format="WAV")
            with open(os.path.join(folder, b"\xff %d.wav" % k), "wb") as f:
                f.write(content.getvalue())
    return root


@pytest.mark.parametrize("encoding", SHOWN)
def test_data_check_takes_any_name_in_any_encoding(
    encoding: str, odd_folder: Path, hwasc: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    status, *_ = hwasc("data", "check", odd_folder)
    out.flush()
    shown = out.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    assert status == 0 and "caf\\udce9" in shown and "\\udcff" in shown


@pytest.mark.slow
def test_a_whole_command_ends_well_in_ascii(odd_folder: Path) -> None:
    """Features, and a table of results, in another process: the terminal's encoding is set before Python starts."""
    argv = [
        sys.executable,
        "-m",
        "hwasc",
        "bench",
        "data",
        "--data",
        odd_folder,
        "--cache",
        odd_folder.parent / "c\udcff",
    ]
    sizes = ["--set", "teachers.mels=40", "--set", "data.test_share=0.4", "--set", "data.validation_share=0.4"]
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*argv, *sizes], env=env, capture_output=True, timeout=120)
    assert b"Unicode" not in done.stderr and done.returncode == 0, done.stderr
