"""What engines cost beside scores: throughput of `ray` on two nodes of one machine against `local`; nodes lost and joined.

    python experiments/search/cluster.py --workers 2 4 8 --seconds 1.0
    python experiments/search/cluster.py --workers 4 --change                  # a node is lost in the middle, another joins

A score here is a wait of so many seconds, so that eight workers need no eight cores: what is measured is all that an engine does
besides scoring, with the clips and targets of a real candidate. The engines run in turn, A B A B, each after one score a worker.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scaling import jobs

from hwasc.nas import engines
from hwasc.nas.engines import Engine
from hwasc.nas.job import Candidate, Score
from hwasc.parallel.processes import as_finished
from hwasc.records.settings import Settings
from hwasc.records.space import SearchSpace
from hwasc.workspace import open_workspace


@dataclass(frozen=True)
class Wait:
    """A proxy that waits instead of training."""

    seconds: float

    def __call__(self, candidate: Candidate, /) -> Score:
        start = time.monotonic()
        while time.monotonic() - start < self.seconds:
            time.sleep(0.005)
        return Score(value=float(candidate.seed), seconds=time.monotonic() - start)


@contextlib.contextmanager
def cluster(workers: int, nodes: int = 2) -> Iterator[Any]:
    """A head that runs no task, and so many nodes that share the workers."""
    from ray.cluster_utils import Cluster

    with tempfile.TemporaryDirectory(prefix="hwasc-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        os.environ.update(RAY_TMPDIR=folder, RAY_USAGE_STATS_ENABLED="0")
        (Path(folder) / "ray").mkdir()
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        made.parts = [made.add_node(num_cpus=workers // nodes) for _ in range(nodes)]
        yield made
        made.shutdown()


def throughput(engine: AbstractContextManager[Engine], workers: int, work: list[Candidate]) -> float:
    """Scores a second and worker, after one score a worker that starts it."""
    with engine as opened:
        list(as_finished(opened.submit(work[i], 0) for i in range(workers)))
        start = time.perf_counter()
        count = sum(1 for _ in as_finished(opened.submit(job, i) for i, job in enumerate(work)))
        return count / (time.perf_counter() - start) / workers


def changed(workers: int, work: list[Candidate]) -> dict[str, Any]:
    """One node is lost after a third of the scores, another joins after two thirds; every score must come, and once."""
    with cluster(workers) as made, engines.create("ray", workers=workers, address=made.address) as opened:
        list(as_finished(opened.submit(work[i], 0) for i in range(workers)))
        start, seen, times = time.perf_counter(), [], []
        for i, score in as_finished([opened.submit(job, i) for i, job in enumerate(work)]):
            seen.append((i, score.value))
            times.append(time.perf_counter() - start)
            if len(seen) == len(work) // 3:
                made.remove_node(made.parts[0], allow_graceful=False)
            if len(seen) == 2 * len(work) // 3:
                made.add_node(num_cpus=workers // 2)
        third = len(work) // 3
        ends = [times[third - 1], times[2 * third - 1], times[-1]]
        begins = [0.0, *ends[:2]]
        counts = [third, third, len(work) - 2 * third]
        return {
            "all scores, each once": sorted(seen) == [(i, float(i)) for i in range(len(work))],
            "scores a second before, without the node, after": [
                round(n / (e - b), 2) for n, b, e in zip(counts, begins, ends, strict=True)
            ],
        }


def main() -> None:
    """Print a line for each run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--seconds", type=float, default=1.0, help="of a score")
    parser.add_argument("--scores", type=int, default=20, help="for each worker")
    parser.add_argument("--change", action="store_true", help="lose a node and add one, instead of the comparison")
    args = parser.parse_args()
    ws = open_workspace("synthetic", Settings())
    drawn = jobs(ws, SearchSpace.load("small"), 4, 1)
    wait = Wait(args.seconds)
    for workers in args.workers:
        work = [replace(drawn[i % len(drawn)], proxy=wait) for i in range(args.scores * workers)]
        if args.change:
            print(json.dumps({"workers": workers, **changed(workers, work)}), flush=True)
            continue
        found: dict[str, list[float]] = {"local": [], "ray": []}
        for _ in range(2):
            found["local"].append(throughput(engines.create("local", workers=workers), workers, work))
            with cluster(workers) as made:
                ray = engines.create("ray", workers=workers, address=made.address)
                found["ray"].append(throughput(ray, workers, work))
        ratio = statistics.mean(found["ray"]) / statistics.mean(found["local"])
        shown = {name: [round(v, 3) for v in values] for name, values in found.items()}
        print(
            json.dumps({"workers": workers, "scores a second and worker": shown, "ray over local": round(ratio, 3)}),
            flush=True,
        )


if __name__ == "__main__":
    main()
