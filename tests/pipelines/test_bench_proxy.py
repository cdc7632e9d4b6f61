"""`hwasc bench proxy` on the tiny data: every proxy in the table, resumed without a score computed twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from hwasc.pipelines.benching_proxies import TRUTH, spread
from hwasc.search import proxies


def test_the_table_holds_every_proxy_and_resumes(
    hwasc: Callable[..., tuple[int, str, str]], tiny_space: Path, tmp_path: Path
) -> None:
    run = tmp_path / "bench"
    command = ("bench", "proxy", "--budget", "dcase2024", "--space", tiny_space, "--count", 4, "--run", run)
    status, out, err = hwasc(*command, tiny=True)
    assert status == 0, err
    assert all(name in out for name in proxies.NAMES) and "regret" in out
    lines = (run / "scores.jsonl").read_text().splitlines()
    assert len(lines) == 4 * (len(proxies.NAMES) + 1)
    (run / "scores.jsonl").write_text("\n".join(lines[:-2]) + "\n" + lines[-1][:20])  # killed while it wrote
    status, again, err = hwasc(*command, "--json", tiny=True)
    assert status == 0, err
    rows = {r["proxy"]: r for r in json.loads(again)["rows"]}
    assert rows.keys() == set(proxies.NAMES)
    assert -1 <= rows["supernet"]["ranking"]["tau"] <= 1 and set(rows["supernet"]["ahead"]) == {"parameters", "macs"}
    record = json.loads((run / "proxies.json").read_text())
    truth = record["scores"][TRUTH]
    best = max(range(4), key=lambda i: (record["scores"]["macs"][i], -i))
    assert rows["macs"]["ranking"]["regret1"] == max(truth) - truth[best]
    assert hwasc(*command[:-4], "--count", 2, "--run", tmp_path / "few", tiny=True)[0] == 2


def test_spread_takes_one_of_each_equal_part() -> None:
    points = [{"i": i} for i in range(103)]
    chosen = [p["i"] for p in spread(points, 10, 3)]
    assert chosen == sorted(chosen) and all(10 * k <= c < 10 * k + 14 for k, c in enumerate(chosen))
    assert chosen == [p["i"] for p in spread(points, 10, 3)] != [p["i"] for p in spread(points, 10, 4)]
