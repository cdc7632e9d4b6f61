"""`hwasc bench proxy` on the tiny data: every proxy in the table, resumed without a score computed twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwasc.bench import proxies
from hwasc.bench.proxies import TRUTH, spread, stratified
from hwasc.nas.trial import Trial
from hwasc.parts import PROXIES
from hwasc.records import schema

pytestmark = pytest.mark.slow


@pytest.mark.long
def test_the_table_holds_every_proxy_and_resumes(
    hwasc: Callable[..., tuple[int, str, str]], tiny_space: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "bench"
    command = ("bench", "proxy", "--budget", "dcase2024", "--space", tiny_space, "--count", 4, "--run", run)
    status, out, err = hwasc(*command, tiny=True)
    assert status == 0, err
    assert all(name in out for name in PROXIES.names()) and "regret" in out
    lines = (run / "scores.jsonl").read_text().splitlines()
    assert len(lines) == 4 * (len(PROXIES.names()) + 1)
    (run / "scores.jsonl").write_text("\n".join(lines[:-2]) + "\n" + lines[-1][:20])  # killed while it wrote
    with monkeypatch.context() as patched:  # all scores of the supernet are in the file
        patched.setattr(proxies, "train_supernet", lambda *_: pytest.fail("the supernet is not needed"))
        status, again, err = hwasc(*command, "--json", tiny=True)
    assert status == 0, err
    rows = {r["proxy"]: r for r in json.loads(again)["rows"]}
    assert rows.keys() == set(PROXIES.names())
    assert -1 <= rows["supernet"]["ranking"]["tau"] <= 1 and set(rows["supernet"]["ahead"]) == {"parameters", "macs"}
    record = json.loads((run / "proxies.json").read_text())
    truth = record["scores"][TRUTH]
    best = max(range(4), key=lambda i: (record["scores"]["macs"][i], -i))
    assert rows["macs"]["ranking"]["regret1"] == max(truth) - truth[best]
    trials = search_of(tiny_space, record["candidates"], tmp_path / "trials.jsonl")
    status, again, err = hwasc(*command, "--learn-from", trials, "--json", tiny=True)
    assert status == 0, err
    names = {r["proxy"] for r in json.loads(again)["rows"]}
    assert names == {*PROXIES.names(), "with predictor"}
    (tmp_path / "few.jsonl").write_text("".join(trials.read_text().splitlines(keepends=True)[:9]))
    status, _, err = hwasc(*command, "--learn-from", tmp_path / "few.jsonl", tiny=True)
    assert status == 1 and "trials of other candidates; at least 50 of the space tiny are needed" in err
    assert hwasc(*command[:-4], "--count", 2, "--run", tmp_path / "few", tiny=True)[0] == 2


def search_of(space: Path, ranked: list[dict[str, Any]], path: Path) -> Path:
    """A journal of sixty made-up trials, the ranked candidates among them."""
    points = [c["point"] for c in ranked] * 15
    trials = [
        Trial(
            number=i,
            id=f"{i:012x}" if i > 3 else ranked[i]["id"],
            point=p,
            accuracy=0.5,
            float_accuracy=0.5,
            standard_error=0.02,
            parameters=9_000,
            macs=9_000 + 7 * i,
            memory=900,
            weights=9,
            seconds=1.0,
            proposed=i,
            seed=0,
            score=0.3,
            score_error=0.02,
        )
        for i, p in enumerate(points)
    ]
    path.write_text("".join(schema.canonical(t) + "\n" for t in trials))
    return path


def test_a_stratified_sample_has_one_point_of_each_part() -> None:
    points = [{"i": i} for i in range(103)]
    chosen = [p["i"] for p in stratified(points, 10, 3)]
    assert chosen == sorted(chosen) and all(10 * k <= c < 10 * k + 14 for k, c in enumerate(chosen))
    assert chosen == [p["i"] for p in stratified(points, 10, 3)] != [p["i"] for p in stratified(points, 10, 4)]


@given(st.integers(0, 70))
def test_every_beginning_of_a_spread_list_has_items_of_all_parts(count: int) -> None:
    order = spread(range(count))
    assert sorted(order) == list(range(count))
    for first in range(1, count + 1):
        gaps = np.diff([-1, *sorted(order[:first]), count])
        assert max(gaps) <= 4 * count / first + 1
