"""Fits the rates of `hwasc.cost.firmware_rates` to counts in an emulator, and prints the error on nets that were not fitted.

    python experiments/firmware/fit.py [--nets 12] [--held-out 8] [--workers 2] [--counts FILE] [--write] [--parts]

Nets are random points of the full search space with random weights. `--write` replaces the module. Parts of the log-mel that not
all front ends have (pre-emphasis, means, magnitudes, slopes in mel) are fitted to what a front end with them takes more than one
without; `--parts` fits them alone.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import textwrap
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from scipy.optimize import nnls

from hwasc.cost import firmware_rates
from hwasc.cost import graph as graphs
from hwasc.cost.firmware_front_end import Arithmetic
from hwasc.cost.firmware_latency import LOOP
from hwasc.cost.firmware_work import PARTS, Amounts, frame_work, net_work
from hwasc.cost.row_planner import plan_rows
from hwasc.deploy.firmware.emulator import count
from hwasc.deploy.firmware.front_end_numbers import front_end_numbers
from hwasc.deploy.firmware.front_end_tables import front_end_sources, front_end_tables
from hwasc.deploy.firmware.net_counts import count_net
from hwasc.deploy.firmware.toolchain import CORES, SOURCES
from hwasc.deploy.firmware.untrained import untrained_student
from hwasc.nas.declare import random_point
from hwasc.parallel.children import process_context
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.records.space import SearchSpace

FRONT_ENDS = [  # mels, frames, window, FFT, sample rate
    FrontEnd(sample_rate=rate, n_fft=n_fft, window=window, hop=rate // 40, mels=mels, frames=41, f_max=rate / 2)
    for rate, n_fft, window, mels in (
        (32_000, 4096, 3072, 40),
        (32_000, 4096, 4096, 128),
        (32_000, 4096, 2560, 256),
        (32_000, 2048, 1280, 128),
        (32_000, 1024, 1024, 40),
        (16_000, 1024, 640, 64),
        (16_000, 512, 512, 40),
        (32_000, 2048, 1600, 40),
    )
]
HELD_OUT_FRONT_ENDS = [
    FrontEnd(sample_rate=rate, n_fft=n_fft, window=window, hop=rate // 40, mels=mels, frames=41, f_max=rate / 2)
    for rate, n_fft, window, mels in ((32_000, 4096, 3200, 64), (16_000, 1024, 800, 40))
]
PART_VALUES: list[dict[str, Any]] = [
    *(
        {"pre_emphasis": 0.97, "pre_emphasis_of": of, "remove_mean": mean}
        for of in ("clip", "frame")
        for mean in (False, True)
    ),
    {"remove_mean": True},
    {"power": 1},
    {"triangles": "mel"},
]
PART_FRONT_ENDS = [
    (replace(fe, frames=40), replace(fe, frames=40, **values))
    for fe in (FRONT_ENDS[3], FRONT_ENDS[6])
    for values in PART_VALUES
]
HELD_OUT_PARTS = [
    (fe, replace(fe, **{"frames": 40, "mel_scale": "htk", "triangles": "mel", "area_norm": False}, **values))
    for fe, values in (
        (HELD_OUT_FRONT_ENDS[0], {"pre_emphasis": 0.97, "window_shape": "symmetric", "edges": "reflect"}),
        (HELD_OUT_FRONT_ENDS[1], {"power": 1, "log_offset": 1e-3}),
    )
]

START = '''"""Instructions of each piece of the C export's work, by core, and what they miss.

Written by `experiments/firmware/fit.py`.

`RATES`: by core, kind of work and piece, see `firmware_work`. `ERRORS`: how far the estimate for a whole net is off its count, on
nets that were not fitted: the median and the largest share.
"""

from __future__ import annotations

# fmt: off
'''
ARITHMETICS: tuple[Arithmetic, ...] = tuple(
    a for a in get_args(Arithmetic) if all((SOURCES / s).exists() for s in front_end_sources(a))
)


@dataclass(frozen=True)
class Sample:
    """A count with the work that it is of.

    Attributes:
        work: Amounts of pieces, by kind and piece.
        count: Instructions.
        scale: Instructions of the whole that it is a part of.
    """

    work: dict[tuple[str, str], float]
    count: float
    scale: float


def architectures(number: int, seed: int) -> list[Architecture]:
    """Random architectures: three of four of the full space, one with pooled shortcuts, odd widths and all strides."""
    space, rng = SearchSpace.load("full"), random.Random(seed)
    return [pooled(rng) if i % 4 == 3 else space.architecture(random_point(space, rng), 10) for i in range(number)]


def pooled(rng: random.Random) -> Architecture:
    """A random architecture with strided shortcuts."""
    width, blocks = rng.randint(8, 40), []
    stem = (rng.randint(4, 12), width)
    for _ in range(rng.randint(2, 5)):
        stride = rng.choice([(1, 1), (2, 1), (1, 2), (2, 2)])
        grn = rng.choice([None, GRN(rng.choice(["scalar", "channel"]), response=rng.choice(["mean", "l2"]))])
        kernel, expanded = rng.choice([3, 5]), rng.randint(16, 100)
        blocks.append(InvertedResidual(kernel, expanded, width, stride, shortcut=True, grn=grn))
    front_end = FrontEnd.for_clip(rng.choice([40, 64, 128]), rng.randint(17, 50))
    return Architecture(front_end, stem, tuple(blocks), rng.randint(2, 20), padding=rng.choice(["same", "torch"]))


def samples(architecture: Architecture, counts: dict[str, int]) -> list[Sample]:
    """The operators of a net and the loop that calls them."""
    graph = graphs.build(architecture)
    works, loop = net_work(graph, plan_rows(graph, architecture.padding))
    joined: dict[str, dict[tuple[str, str], float]] = {}
    for work in works:
        add(joined.setdefault(str(work.number), {}), work.kind, work.amounts)
    add(joined.setdefault(LOOP, {}), LOOP, loop)
    total = sum(counts.values())
    return [Sample(joined[name], c, total) for name, c in counts.items()]


def add(pieces: dict[tuple[str, str], float], kind: str, amounts: Amounts) -> None:
    """Add work of a kind."""
    for name, amount in amounts.items():
        pieces[kind, name] = pieces.get((kind, name), 0.0) + amount


def fit(data: list[Sample]) -> dict[str, dict[str, float]]:
    """Rates, none below zero, that miss the counts by the least squares; a miss counts by its share of operator and net."""
    names = sorted({key for s in data for key in s.work})
    column = {key: i for i, key in enumerate(names)}
    a, y = np.zeros((len(data), len(names))), np.zeros(len(data))
    for row, s in enumerate(data):
        weight = 1 / (s.count + 0.01 * s.scale)
        y[row] = s.count * weight
        for key, amount in s.work.items():
            a[row, column[key]] = amount * weight
    norms = np.linalg.norm(a, axis=0)
    norms[norms == 0] = 1
    rates, _ = nnls(a / norms, y, maxiter=10_000)
    out: dict[str, dict[str, float]] = {}
    for (kind, name), rate, norm in zip(names, rates, norms, strict=True):
        if rate > 0:
            out.setdefault(kind, {})[name] = float(f"{rate / norm:.4g}")
        out.setdefault(kind, {})
    return out


def predicted(rates: dict[str, dict[str, float]], sample: Sample) -> float:
    """Instructions of a sample by the rates."""
    return sum(rates.get(kind, {}).get(name, 0.0) * amount for (kind, name), amount in sample.work.items())


def count_one(job: tuple[Architecture, int, list[str]]) -> dict[str, dict[str, int]]:
    """Count a net with random weights on each core: instructions by number of the operator and of the loop."""
    architecture, seed, cores = job
    student = untrained_student(architecture, seed)
    out: dict[str, dict[str, int]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name in cores:
            found = count_net(student, CORES[name], Path(temporary) / name, flags=["-DSCENE_COUNT_NO_STACK"])
            out[name] = {str(n): c for n, c in found.operators.items()} | {LOOP: found.loop}
    return out


def count_frames(job: tuple[FrontEnd, list[str]]) -> dict[str, int]:
    """Count one frame's log-mel in each arithmetic on each core."""
    front_end, cores = job
    with tempfile.TemporaryDirectory() as temporary:
        return {f"{a} {c}": count_frame(front_end, a, c, Path(temporary)) for a in ARITHMETICS for c in cores}


def count_frame(front_end: FrontEnd, arithmetic: Arithmetic, name: str, folder: Path) -> int:
    """Count one frame's log-mel."""
    fe = front_end
    (folder / "scene_front_end_tables.c").write_text(front_end_tables(fe, 0.05, 0, arithmetic))
    macros = {"CLASSES": 10, **front_end_numbers(fe, arithmetic)}
    (folder / "scene_model.h").write_text("".join(f"#define SCENE_{k} {v}\n" for k, v in macros.items()))
    sources = [
        folder / "scene_front_end_tables.c",
        *(SOURCES / s for s in front_end_sources(arithmetic) if s.endswith(".c")),
    ]
    return count("frame", sources, CORES[name], folder, include=[folder, SOURCES]).instructions["frame"]


def frame_samples(counts: list[dict[str, int]], name: str) -> list[Sample]:
    """One frame of each front end on a core, in each arithmetic."""
    out = []
    for fe, found in zip((*FRONT_ENDS, *HELD_OUT_FRONT_ENDS), counts, strict=True):
        for key, c in found.items():
            core = key.split()[1]
            if core == name:
                arithmetic: Arithmetic = "integer" if key.startswith("integer") else "float"
                pieces: dict[tuple[str, str], float] = {}
                add(pieces, f"frame/{arithmetic}", frame_work(fe, arithmetic))
                out.append(Sample(pieces, c, c))
    return out


def count_parts(job: tuple[FrontEnd, FrontEnd, list[str]]) -> dict[str, list[int]]:
    """Count one frame's log-mel without some parts and with them, in each arithmetic on each core."""
    without, wanted, cores = job
    one, other = (count_frames((fe, cores)) for fe in (without, wanted))
    return {key: [one[key], other[key]] for key in one}


def fit_parts(rates: dict[str, dict[str, float]], counts: list[dict[str, list[int]]], name: str) -> float:
    """Put the rates of the parts on a core into those of its log-mel; return the largest miss of those that are not fitted."""
    missed = 0.0
    for arithmetic in ARITHMETICS:
        kind, data = f"frame/{arithmetic}", []
        for (_, fe), found in zip(PART_FRONT_ENDS, counts, strict=False):
            without, count = found[f"{arithmetic} {name}"]
            work = {(kind, k): v for k, v in frame_work(fe, arithmetic).items() if k in PARTS}
            data.append(Sample(work, max(count - without, 0), count))
        base = {k: v for k, v in rates[kind].items() if k not in PARTS}
        rates[kind] = dict(sorted((base | fit(data)[kind]).items()))
        for (_, fe), found in zip(HELD_OUT_PARTS, counts[len(PART_FRONT_ENDS) :], strict=True):
            count = found[f"{arithmetic} {name}"][1]
            work = {(kind, k): v for k, v in frame_work(fe, arithmetic).items()}
            missed = max(missed, abs(predicted(rates, Sample(work, count, count)) / count - 1))
    return missed


def misses(rates: dict[str, dict[str, float]], wholes: list[list[Sample]]) -> list[float]:
    """Estimate over count, less 1, for each whole."""
    return [sum(predicted(rates, s) for s in whole) / sum(s.count for s in whole) - 1 for whole in wholes]


def main() -> None:
    """Count, fit, and print the errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", type=int, default=12)
    parser.add_argument("--held-out", type=int, default=8)
    parser.add_argument("--cores", nargs="+", default=list(CORES))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--counts", type=Path, help="keep the counts in this file; where it exists, only fit them")
    parser.add_argument("--parts", action="store_true", help="fit the log-mel's parts alone")
    parser.add_argument("--write", action="store_true", help="replace hwasc/cost/firmware_rates.py")
    args = parser.parse_args()
    if args.parts:
        return parts(args.cores, args.workers, args.write)
    nets = architectures(args.nets + args.held_out, 0)
    counts = counted(nets, args.cores, args.workers, args.counts)
    rates, errors = dict(firmware_rates.RATES), dict(firmware_rates.ERRORS)
    print(f"{'core':12s}{'net: median':>13s}{'most':>8s}{'operator: median':>18s}{'most':>8s}{'frame: most':>13s}")
    for name in args.cores:
        wholes = [samples(a, c[name]) for a, c in zip(nets, counts["nets"], strict=True)]
        frames = frame_samples(counts["frames"], name)
        known = len(FRONT_ENDS) * len(ARITHMETICS)
        rates[name] = fit([*(s for whole in wholes[: args.nets] for s in whole), *frames[:known]])
        fit_parts(rates[name], counts["parts"], name)
        held = wholes[args.nets :]
        net = [abs(m) for m in misses(rates[name], held)]
        large = [[s] for whole in held for s in whole if s.count > 0.02 * s.scale]
        operators = [abs(m) for m in misses(rates[name], large)]
        frame = [abs(m) for m in misses(rates[name], [[s] for s in frames[known:]])]
        errors[name] = (round(statistics.median(net), 4), round(max(net), 4))
        print(
            f"{name:12s}{errors[name][0]:13.2%}{errors[name][1]:8.2%}{statistics.median(operators):18.2%}"
            f"{max(operators):8.2%}{max(frame):13.2%}"
        )
    if args.write:
        write(rates, errors)


def parts(cores: list[str], workers: int, written: bool) -> None:
    """Fit the parts of the log-mel alone."""
    rates = dict(firmware_rates.RATES)
    with ThreadPoolExecutor(workers) as pool:  # compiler and emulator are processes
        counts = list(pool.map(count_parts, [(*pair, cores) for pair in (*PART_FRONT_ENDS, *HELD_OUT_PARTS)]))
    for name in cores:
        print(f"{name:12s}frame: most {fit_parts(rates[name], counts, name):8.2%}")
    if written:
        write(rates, firmware_rates.ERRORS)


def counted(nets: list[Architecture], cores: list[str], workers: int, kept: Path | None) -> dict[str, Any]:
    """Count everything, or read what was counted before."""
    if kept and kept.exists():
        return dict(json.loads(kept.read_text()))
    with ProcessPoolExecutor(workers, process_context()) as pool:
        frames = list(pool.map(count_frames, [(fe, cores) for fe in (*FRONT_ENDS, *HELD_OUT_FRONT_ENDS)]))
        pairs = [(*pair, cores) for pair in (*PART_FRONT_ENDS, *HELD_OUT_PARTS)]
        counted_parts = list(pool.map(count_parts, pairs))
        done = list(pool.map(count_one, [(a, i, cores) for i, a in enumerate(nets)]))
    found = {"nets": done, "frames": frames, "parts": counted_parts}
    if kept:
        kept.write_text(json.dumps(found))
    return found


def write(rates: dict[str, dict[str, dict[str, float]]], errors: dict[str, tuple[float, float]]) -> None:
    """Write the module."""
    lines = [START, "RATES: dict[str, dict[str, dict[str, float]]] = {"]
    for name, kinds in rates.items():
        lines.append(f'    "{name}": {{')
        for kind, pieces in sorted(kinds.items()):
            inner = ", ".join(f'"{k}":\xa0{v!r}' for k, v in pieces.items())  # a space where no line is broken
            text = f'        "{kind}": {{{inner}}},'
            lines += textwrap.wrap(text, 120, subsequent_indent=" " * 12, break_on_hyphens=False)
        lines.append("    },")
    lines += ["}", ""]
    lines += ["ERRORS: dict[str, tuple[float, float]] = {", *(f'    "{k}": {v},' for k, v in errors.items()), "}", ""]
    Path(firmware_rates.__file__).write_text("\n".join(lines).replace("\xa0", " "))


if __name__ == "__main__":
    main()
