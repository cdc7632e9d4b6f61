"""The full size of TAU 2022 Mobile without its audio: what a clip costs, how much memory, how soon an epoch starts.

    python experiments/tau2022/rehearsal.py LISTS WORK --clips 10000
    python experiments/tau2022/rehearsal.py LISTS WORK --clips 10000 40000 139620 --front-ends 64x33 256x65

LISTS holds the official lists (meta.csv, fold1_train.csv, fold1_evaluate.csv, each as it is or .xz). In WORK/data it builds a
folder of TAU's layout, in which every training clip is a second of noise of its own at 44.1 kHz, so that no two have one content
and every file is hashed, decoded, resampled and transformed as TAU's would be. Samples have 8 bits to save disk (--bits 24 is
TAU's depth: three times the bytes to read and hash). Features and logits of so many training clips are then made in a process of
their own for each size and front end, opened again in another, and removed; at the end so is WORK/data, unless --keep is given.

Each line of WORK/rehearsal.jsonl is one size: seconds of a clip at every stage, peak resident memory, the time from the start of
a process to an epoch's first batch. Measure on an idle machine; CPU seconds are given beside the clock's.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

RATE = 44_100  # Hz
LISTS = ("meta.csv", "fold1_train.csv", "fold1_evaluate.csv")
MADE = "made.txt"  # the clips that have audio, in the order of the list
BLOCK = 4096  # bytes of disk that files are rounded up to
SPARE = 2e9  # bytes of disk left alone
BATCH = 256


def header(samples: int, bits: int) -> bytes:
    """A WAV header for so many mono samples."""
    wide = bits // 8
    return b"RIFF" + struct.pack("<I", 36 + samples * wide) + b"WAVEfmt " + struct.pack(
        "<IHHIIHH", 16, 1, 1, RATE, RATE * wide, wide, bits
    ) + b"data" + struct.pack("<I", samples * wide)  # fmt: skip


def make_data(lists: Path, root: Path, clips: int, bits: int = 8) -> None:
    """TAU's layout at `root` with noise for `clips` training clips, evenly spaced in the official list.

    A clip's noise follows from its number; files that are there already stay.
    """
    from hwasc.data import tables

    (root / "evaluation_setup").mkdir(parents=True, exist_ok=True)
    for name in LISTS:
        found = tables.find([lists, lists / "evaluation_setup"], name)
        if found is None:
            sys.exit(f"{lists}: {name} is missing")
        shutil.copyfile(found, root / ("" if name == "meta.csv" else "evaluation_setup") / found.name)
    train = tables.find([root / "evaluation_setup"], "fold1_train.csv")
    assert train is not None
    names = [row[0] for row in tables.read(train, tables.LIST_COLUMNS, optional=("scene_label",))]
    head, size = header(RATE, bits), RATE * bits // 8
    (root / "audio").mkdir(exist_ok=True)
    chosen = list(spread(len(names), clips))
    for i in chosen:
        path = root / names[i]
        if not (path.is_file() and path.stat().st_size == len(head) + size):
            path.write_bytes(head + np.random.default_rng([0, i]).bytes(size))
    (root / MADE).write_text("\n".join(names[i] for i in chosen))


def spread(total: int, wanted: int) -> Iterator[int]:
    """`wanted` of `total` numbers, evenly spaced, the first always among them."""
    return (k * total // wanted for k in range(min(wanted, total)))


class Stages:
    """Seconds of named stages, by the clock and of the processor, and the peak of memory by their end."""

    def __init__(self) -> None:
        self.taken: dict[str, dict[str, float]] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        clock, processor = time.perf_counter(), time.process_time()
        yield
        self.taken[name] = {
            "s": time.perf_counter() - clock,
            "cpu_s": time.process_time() - processor,
            "peak_bytes": peak(),
        }


def peak() -> int:
    """Resident bytes at their highest, by Linux's count."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(root: Path, cache: Path, clips: int, front_end: str, started: float) -> dict[str, Any]:
    """Everything up to the end of an epoch of augmented batches, from what the cache holds or from the files.

    started: when the process was asked for.
    """
    import torch

    from hwasc.audio.frontend import LogMel
    from hwasc.data import logits as logit_files
    from hwasc.data.features import extract
    from hwasc.data.opening import open_dataset
    from hwasc.models import build
    from hwasc.records.architecture import Architecture
    from hwasc.records.blocks import InvertedResidual
    from hwasc.records.data_settings import AugmentSettings
    from hwasc.records.front_end import FrontEnd
    from hwasc.training.batches import Augment, training_batches
    from hwasc.training.loop import predict

    torch.set_num_threads(1)
    times = Stages()
    with times.stage("open"):
        data = open_dataset(root)
        by_id = {c.id: c for c in (*data.train, *data.validation)}
        made = (root / MADE).read_text().splitlines()
        chosen = [by_id[made[i]] for i in spread(len(made), clips)]
    fe = FrontEnd.for_clip(*map(int, front_end.split("x")))
    with times.stage("front end"):
        LogMel(fe)  # and librosa, which makes its filters
    began, hashed = time.perf_counter(), [0.0]

    def progress(phase: str, done: int, total: int) -> None:
        if phase == "hashing" and done == total:
            hashed[0] = time.perf_counter() - began

    with times.stage("features"):
        features = extract(chosen, data.classes, fe, cache / "features", progress=progress)
    times.taken["of it hashing"] = {"s": hashed[0]}
    ids, path = [c.id for c in features.clips], cache / "logits.npz"
    if not path.is_file():
        torch.manual_seed(0)
        net = build(Architecture(fe, (4, 8), (InvertedResidual(3, 16, 8, (2, 2), False, None),), len(data.classes)))
        with times.stage("logits"):
            logits = predict(net, features, torch.device("cpu"))
        with times.stage("logits stored"):
            logit_files.save(path, ids, features.hashes, logits, {"hash": "rehearsal"})
    with times.stage("logits loaded"):
        targets = logit_files.load(path, ids, features.hashes)
    with times.stage("first batch"):
        epoch = training_batches(
            features, targets, batch=BATCH, augment=Augment(AugmentSettings(), None, fe), seed=0, epoch=0
        )
        seen = len(next(epoch)[0])
    start = time.time() - started
    with times.stage("batches"):
        for batch in epoch:
            seen += len(batch[0])
    return {
        "clips": len(features),
        "front_end": front_end,
        "stages": times.taken,
        "batch_clips": seen,
        "peak_bytes": peak(),
        "cache_bytes": sum(p.stat().st_size for p in cache.rglob("*") if p.is_file()),
        "process_to_first_batch_s": start,
    }


def apart(**arguments: Any) -> dict[str, Any]:
    """`measure` in a process of its own."""
    arguments["started"] = time.time()
    command = [sys.executable, __file__, "--measure", json.dumps(arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"measuring {arguments} ended with status {done.returncode}")
    return dict(json.loads(done.stdout))


def report(rows: Sequence[dict[str, Any]]) -> list[str]:
    """A Markdown table: milliseconds a clip at every stage, and what is not a clip's."""
    lines = [
        "| front end | clips | lists, s | hash | read, log-mel, write | logits | stored | peak, MB | opened again, s "
        "| an epoch starts in, ms | process to first batch, s | a batch's clip | peak then, MB |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        first, again, n = row["first"], row["again"], row["first"]["clips"]
        s: Callable[[str], float] = lambda name, of=first: of["stages"][name]["s"]  # noqa: E731
        cells = [
            first["front_end"], f"{n:,}", f"{s('open'):.1f}", f"{1e3 * s('of it hashing') / n:.3f}",
            f"{1e3 * (s('features') - s('of it hashing')) / n:.3f}", f"{1e3 * s('logits') / n:.3f}",
            f"{1e3 * s('logits stored') / n:.3f}", f"{first['peak_bytes'] / 1e6:,.0f}",
            f"{s('features', again) + s('logits loaded', again):.2f}",
            f"{1e3 * s('first batch', again):.0f}", f"{again['process_to_first_batch_s']:.1f}",
            f"{1e3 * s('batches', again) / (again['batch_clips'] - BATCH):.3f}", f"{again['peak_bytes'] / 1e6:,.0f}",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lists", type=Path, nargs="?")
    parser.add_argument("work", type=Path, nargs="?")
    parser.add_argument("--clips", type=int, nargs="+", default=[10_000])
    parser.add_argument("--front-ends", nargs="+", default=["64x33", "256x65"])
    parser.add_argument("--bits", type=int, choices=(8, 16, 24), default=8)
    parser.add_argument("--most", type=float, default=15.0, help="gigabytes of disk it may take (default 15)")
    parser.add_argument("--keep", action="store_true", help="leave WORK/data")
    parser.add_argument("--measure", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        arguments = args.measure
        print(json.dumps(measure(Path(arguments.pop("root")), Path(arguments.pop("cache")), **arguments)))
        return
    if args.lists is None or args.work is None:
        parser.error("LISTS and WORK are needed")
    args.work.mkdir(parents=True, exist_ok=True)
    most, values = max(args.clips), [int(np.prod([int(n) for n in f.split("x")])) for f in args.front_ends]
    file = -(-(len(header(RATE, args.bits)) + RATE * args.bits // 8) // BLOCK) * BLOCK
    need, free = most * (file + 2 * max(values)), shutil.disk_usage(args.work).free
    print(f"disk: {need / 1e9:.1f} GB needed at most, {free / 1e9:.1f} GB free, limit {args.most:g} GB", flush=True)
    if need > args.most * 1e9 or need > free - SPARE:
        sys.exit("too little; take fewer --clips, fewer --bits, or a higher --most")
    data, rows = args.work / "data", []
    began = time.perf_counter()
    make_data(args.lists, data, most, args.bits)
    print(f"{most:,} clips of noise in {time.perf_counter() - began:.0f} s", flush=True)
    for front_end in args.front_ends:
        for clips in args.clips:
            cache = args.work / f"cache-{front_end}-{clips}"
            shutil.rmtree(cache, ignore_errors=True)
            arguments = {"root": str(data), "cache": str(cache), "clips": clips, "front_end": front_end}
            row = {
                "first": apart(**arguments),
                "again": apart(**arguments),
                "bits": args.bits,
                "date": time.strftime("%Y-%m-%d"),
            }
            shutil.rmtree(cache)
            rows.append(row)
            with (args.work / "rehearsal.jsonl").open("a") as f:
                f.write(json.dumps(row) + "\n")
            print(report([row])[-1], flush=True)
    print("\n".join(report(rows)))
    if not args.keep:
        shutil.rmtree(data)


if __name__ == "__main__":
    main()
