"""A search that is killed outright, anywhere: what was scored is saved, and the same command ends where an unbroken one does."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

TRIALS, RESCORED = 7, 3
# The command, and a mark in a file at the start of every score: what had begun is known whatever the journals say.
COUNTED = """
import sys
from hwasc.cli import main
from hwasc.nas import proxies
real = proxies.score
def score(candidate):
    with open(sys.argv[1], "ab", 0) as f:
        f.write(b".")
    return real(candidate)
proxies.score = score
sys.exit(main(sys.argv[2:]))
"""


def command(run: Path, data: Path, cache: Path, space: Path, settings: list[str]) -> list[str]:
    return [
        "search", "--budget", "dcase2024", "--space", str(space), "--run", str(run), "--out", str(run / "winner.json"),
        "--data", str(data), "--cache", str(cache), *settings, "--trials", str(TRIALS), "--rescore", str(RESCORED),
        "--set", "search.at_a_time=4", "--set", "search.rescore_train.epochs=2", "--proxy", "supernet",
    ]  # fmt: skip


def lines(path: Path) -> list[bytes]:
    """The whole lines of a file that is being written."""
    return [x for x in path.read_bytes().splitlines(keepends=True) if x.endswith(b"\n")] if path.is_file() else []


def written(run: Path) -> list[list[bytes]]:
    return [lines(run / name) for name in ("trials.jsonl", "rescored.jsonl")]


def killed(argv: list[str], begun: Path, scores: int, later: float) -> None:
    """Start the command and end it by SIGKILL `later` seconds after it has begun so many scores, marked in the file `begun`."""
    begun.touch()
    process = subprocess.Popen(
        [sys.executable, "-c", COUNTED, str(begun), *argv],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 60
    while begun.stat().st_size < scores and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    time.sleep(later)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it was killed while it ran"


def untimed(found: list[bytes]) -> list[dict[str, Any]]:
    return [{k: v for k, v in json.loads(x).items() if k not in ("seconds", "checksum")} for x in found]


def pareto(run: Path) -> list[dict[str, str]]:
    with (run / "pareto.csv").open() as f:
        return list(csv.DictReader(f))


@pytest.mark.long
def test_a_killed_search_loses_at_most_the_trial_in_flight(
    hwasc: Callable[..., tuple[int, str, str]], tiny_data: Path, tiny_cache: Path, tiny_space: Path,
    tiny_settings: list[str], tmp_path: Path,
) -> None:  # fmt: skip
    whole, broken = (tmp_path / x for x in ("whole", "broken"))
    argv = {run: command(run, tiny_data, tiny_cache, tiny_space, tiny_settings) for run in (whole, broken)}
    status, _, err = hwasc(*argv[whole])
    assert status == 0, err
    expected = [untimed(found) for found in written(whole)]
    assert list(map(len, expected)) == [TRIALS, RESCORED]

    rng = random.Random("kill -9")
    for kill in range(2):
        before, begun = written(broken), tmp_path / f"begun-{kill}"
        killed(argv[broken], begun, rng.randint(2, 4), rng.uniform(0, 0.1))
        saved = written(broken)
        new = sum(map(len, saved)) - sum(map(len, before))
        assert new <= begun.stat().st_size <= new + 1, "all that had begun is on disk, but for the one in flight"
        for old, now, all_of_it in zip(before, saved, expected, strict=True):
            assert now[: len(old)] == old, "what was on disk stays there"
            assert untimed(now) == all_of_it[: len(now)], "the unbroken run's trials, in order"
        assert not (broken / "pareto.csv").exists() and not (broken / "winner.json").exists()

    saved = written(broken)
    status, _, err = hwasc(*argv[broken])
    assert status == 0, err
    for old, now, all_of_it in zip(saved, written(broken), expected, strict=True):
        assert now[: len(old)] == old and untimed(now) == all_of_it
    assert pareto(broken) == pareto(whole)
    winners = [json.loads((run / "best.json").read_text()) for run in (whole, broken)]
    assert winners[0]["id"] == winners[1]["id"]
    best, winner = (json.loads((broken / name).read_text()) for name in ("best.json", "winner.json"))
    assert winner["provenance"].pop("run") == ".", "the copy names the run folder"
    assert winner["weights"].pop("file") == "winner.safetensors" and best["weights"].pop("file") == "best.safetensors"
    assert winner == best
    saved = [run / name for run in (whole, broken) for name in ("best.safetensors", "winner.safetensors")]
    assert len({path.read_bytes() for path in saved}) == 1
