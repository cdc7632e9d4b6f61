"""How much faster a search's scoring is with more workers: so many candidates by the proxy `distillation`, A B A B in one run.

    python experiments/search/scaling.py --workers 2 --candidates 8            # processes of this machine
    python experiments/search/scaling.py --workers 2 --engine ray

Only on an idle machine. Starting the workers is left out, as a search of hours leaves it out.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time

from hwasc.ensemble.fusion import distillation_data
from hwasc.nas import engines
from hwasc.nas.declare import random_point
from hwasc.nas.job import Candidate, Proposal
from hwasc.parallel.processes import as_finished
from hwasc.records.settings import Settings
from hwasc.records.space import SearchSpace
from hwasc.records.train_settings import TrainSettings
from hwasc.workspace import Workspace, open_workspace


def jobs(ws: Workspace, space: SearchSpace, count: int, epochs: int) -> list[Candidate]:
    """Random candidates of the space, to be trained on labels alone: no teacher is needed to take the time."""
    rng, classes, out = random.Random(0), len(ws.dataset.classes), []
    for _ in range(count):
        point = random_point(space, rng)
        a = space.architecture(point, classes, ws.settings.data.seconds)
        validation = ws.features(ws.dataset.validation, a.front_end, "validation")
        out.append(
            Candidate(
                proxy="distillation", proposal=Proposal(point, a), data=distillation_data(ws, a.front_end, None),
                validation=validation, train_settings=TrainSettings(epochs), qat=None, qat_steps=0, seed=0,
                device=str(ws.device),
            )
        )  # fmt: skip
    return out


def seconds(engine: str, workers: int, work: list[Candidate]) -> tuple[float, list[float]]:
    """Wall time of all jobs by so many workers, after one job each to start them; and the scores."""
    with engines.create(engine, workers=workers) as opened:
        list(as_finished(opened.submit(work[0], 0) for _ in range(workers)))
        start = time.perf_counter()
        found = dict(as_finished(opened.submit(job, 0) for job in work))
        return time.perf_counter() - start, [found[i].value for i in range(len(work))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--space", default="small")
    parser.add_argument("--engine", choices=engines.NAMES, default="local")
    parser.add_argument("--workers", type=int, default=2, help="compared with 1")
    parser.add_argument("--candidates", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=2)
    args = parser.parse_args()
    work = jobs(open_workspace(args.data, Settings()), SearchSpace.load(args.space), args.candidates, args.epochs)
    times: dict[int, list[float]] = {1: [], args.workers: []}
    scores = []
    for workers in (1, args.workers, 1, args.workers):
        taken, values = seconds(args.engine, workers, work)
        times[workers].append(taken)
        scores.append(values)
        print(f"{args.engine}, {workers} worker(s): {taken:.1f} s for {len(work)} candidates", flush=True)
    assert all(s == scores[0] for s in scores), "a score depends on the number of workers"
    ratio = statistics.mean(times[1]) / statistics.mean(times[args.workers])
    print(f"{args.workers} workers against 1: {ratio:.2f} times as fast; scores equal")


if __name__ == "__main__":
    main()
