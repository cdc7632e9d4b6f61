"""SIGTERM: a command that is told to end clears up at once, whatever it was doing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from hwasc.cli.termination import Terminated, clears_up


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_no_half_simulated_scenes_and_no_worker_stay(tmp_path: Path, workers: int) -> None:
    argv = [sys.executable, "-m", "hwasc", "teach", "--cache", str(tmp_path / "cache"), "--workers", str(workers)]
    process = subprocess.Popen(argv, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("cache/synthetic/.v*/audio/*.wav")) and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= workers - 1
    process.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert time.monotonic() - begun < 10, "a service manager kills soon after it has asked"
    assert process.returncode == 143 and "Traceback" not in err and "the same command continues" in err, err
    assert not psutil.wait_procs(children, timeout=5)[1]
    assert [p.name for p in tmp_path.glob("cache/synthetic/*") if p.is_dir()] == []


def test_a_second_signal_does_not_disturb_the_clearing_up() -> None:
    cleared = []
    with pytest.raises(Terminated), clears_up():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            cleared.append(True)
    assert cleared and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_the_handler_of_an_application_stays() -> None:
    seen = []
    before = signal.signal(signal.SIGTERM, lambda *_: seen.append(True))
    try:
        with clears_up():
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == [True]
