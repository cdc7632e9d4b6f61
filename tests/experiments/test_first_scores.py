"""The table of first scores, on made-up scores: ranks against the truth of two files, compared within each."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "experiments" / "search" / "first_scores.py"
CLIPS = 320
NAMES = "abcdefgh"


def write_scores(folder: Path, losses: dict[str, list[float]]) -> None:
    """Scores of eight candidates by each net, every clip with the candidate's loss."""
    folder.mkdir()
    ensemble = [[(i * 7 + c * 3) % 11 / 10 for c in range(2)] for i in range(CLIPS)]
    (folder / "clips.json").write_text(json.dumps({"labels": [i % 2 for i in range(CLIPS)], "ensemble": ensemble}))
    lines = [
        {"id": name, "net": net, "macs": 100 + i, "accuracy": 0.5, "seconds": 2.0, "losses": [loss] * CLIPS}
        for net, values in losses.items()
        for i, (name, loss) in enumerate(zip(NAMES, values, strict=True))
    ]
    (folder / "first_scores.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))


def test_candidates_are_ranked_within_the_file_that_has_their_truth(tmp_path: Path) -> None:
    rising = [float(i) for i in range(1, 9)]
    write_scores(tmp_path / "first", {"int8": rising, "float": [2.0, 1.0, *rising[2:]]})
    write_scores(tmp_path / "short", {"float": rising[::-1]})
    old = [{"id": n, "proxy": "truth", "value": 0.9 - i / 100} for i, n in enumerate("abcd")]  # right order
    new = [{"id": n, "proxy": "truth", "accuracy": 0.99 - i / 100, "value": i} for i, n in enumerate("efgh")]
    for name, rows in (("old", old), ("new", new)):
        others = [{"id": r["id"], "proxy": "macs", "value": 1} for r in rows]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows + others))
    truths = ["--truth", tmp_path / "old.jsonl", tmp_path / "new.jsonl", "--resamples", "50"]
    subprocess.run(
        [sys.executable, SCRIPT, "keep", tmp_path / "first", tmp_path / "short", tmp_path / "kept"], check=True
    )
    command = [sys.executable, SCRIPT, "table", tmp_path / "kept/first", tmp_path / "kept/short", *truths]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = {
        row[1]: row
        for row in ([c.strip() for c in line.split("|")] for line in done.stdout.splitlines())
        if len(row) > 5
    }
    assert "8 candidates, 8 with truth" in done.stdout
    # the second file's accuracies are all higher, which says nothing; within each file every pair has the right order
    assert rows["int8, all 320 clips"][5].startswith("1.00 (1.00 to 1.00)")
    # one of twelve pairs within the files is wrong: (11 - 1) / 12
    assert rows["float, all 320 clips"][5].startswith("0.83 ")
    assert rows["short: float, all 320 clips"][5].startswith("-1.00 ")
    assert rows["short: float, all 320 clips"][3] == "-1.00", "against the first way, over all candidates"
    assert "MACs with the truth: tau -1.00" in done.stdout
