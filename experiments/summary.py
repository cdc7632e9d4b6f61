"""Tables of a study in Markdown: the fused teachers, every distilled run `NAME-SEED/result.json`, and these in noise
(`NAME-SEED/noise.json`, of `hwasc evaluate --snr`).

python experiments/summary.py FOLDER [--against NAME]
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table."""
    print("\n| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")


def spread(values: list[float]) -> str:
    """Mean and, from two values on, standard deviation, in percent."""
    text = f"{100 * statistics.mean(values):.1f}"
    return text + (f" ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else "")


def fusion_table(rows: Sequence[dict[str, Any]]) -> None:
    """Teachers alone and fused, on test clips."""
    cells = ((f["name"], f"{100 * f['accuracy']:.1f}", f"{f['log_loss']:.3f}", f"{f['ece']:.3f}") for f in rows)
    table(("fused (test clips)", "macro accuracy %", "log loss", "ECE"), cells)


def student_tables(runs: dict[str, list[dict[str, Any]]]) -> None:
    """One row a student, mean and standard deviation over its seeds; then the devices."""
    groups = list(next(iter(runs.values()))[0]["int8"]["groups"])
    devices = list(next(iter(runs.values()))[0]["int8"]["per_device"])
    rows, by_device = [], []
    for name, results in runs.items():
        costs, int8 = results[0]["costs"], [r["int8"] for r in results]
        rows.append(
            (name, len(results), f"{costs['parameters']:,}", f"{costs['macs']['torchinfo']:,}",
             f"{costs['int8_memory']['activations']:,}", spread([r["validation"]["int8"] for r in results]),
             spread([r["float"]["accuracy"] for r in results]),
             spread([r["accuracy"] for r in int8]), spread([r["by_location"] for r in int8]),
             *(spread([r["groups"][g] for r in int8]) for g in groups),
             f"{statistics.mean(r['log_loss'] for r in int8):.3f}", f"{statistics.mean(r['ece'] for r in int8):.3f}",
             f"{100 * min(r['onnx']['agreement'] for r in results):.1f}")
        )  # fmt: skip
        for kind in ("float", "int8"):
            by_device.append((name, kind, *(spread([r[kind]["per_device"][d] for r in results]) for d in devices)))
    table(
        ("student", "seeds", "parameters", "MACs", "activations B", "validation int8 %", "float %", "int8 %", "by location %",
         *(f"int8 {g} %" for g in groups), "log loss", "ECE", "ONNX agreement %"),
        rows,
    )  # fmt: skip
    table(("student", "", *devices), by_device)


def paired_table(runs: dict[str, list[dict[str, Any]]], reference: str) -> None:
    """Each student compared with one of them, seed by seed: mean difference and its standard error, int8."""
    of = {name: {r["student_seed"]: r for r in results} for name, results in runs.items()}
    measures = {
        "validation, points": lambda r: 100 * r["validation"]["int8"],
        "test, points": lambda r: 100 * r["int8"]["accuracy"],
        **{f"{g}, points": lambda r, g=g: 100 * r["int8"]["groups"][g] for g in runs[reference][0]["int8"]["groups"]},
        "log loss, nats": lambda r: r["int8"]["log_loss"],
    }
    rows = []
    for name in (n for n in of if n != reference):
        seeds = sorted(of[name].keys() & of[reference].keys())
        differences = ([take(of[name][s]) - take(of[reference][s]) for s in seeds] for take in measures.values())
        rows.append((f"{name} - {reference}", len(seeds), *map(_gain, differences)))
    table(("int8", "seeds", *measures), rows)


def _gain(values: list[float]) -> str:
    if not values:
        return ""
    error = f" ± {statistics.stdev(values) / len(values) ** 0.5:.2f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):+.2f}{error}"


def noise_table(runs: dict[str, list[dict[str, Any]]]) -> None:
    """Macro accuracy by signal-to-noise ratio, mean and standard deviation over seeds."""
    levels = list(dict.fromkeys((x["noise"], x["snr"]) for x in next(iter(runs.values()))[0]["noisy"]))
    rows = []
    for name, results in runs.items():
        at = [{(x["noise"], x["snr"]): x["metrics"]["accuracy"] for x in r["noisy"]} for r in results]
        clean = spread([r["metrics"]["accuracy"] for r in results])
        rows.append((name, clean, *(spread([a[level] for a in at]) for level in levels)))
    table(("int8 %", "as recorded", *(f"{kind} {snr:g} dB" for kind, snr in levels)), rows)


def main() -> None:
    """Print the tables of a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--against", metavar="NAME", help="compare every student with this one, seed by seed")
    args = parser.parse_args()
    runs, noisy = (_by_name(args.folder, file) for file in ("result.json", "noise.json"))
    if first := next((r for results in runs.values() for r in results if r["fusion"]), None):
        fusion_table(first["fusion"])
    if runs:
        student_tables(runs)
    if args.against:
        paired_table(runs, args.against)
    if noisy:
        noise_table(noisy)


def _by_name(folder: Path, file: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in sorted(folder.glob(f"*-[0-9]*/{file}")):
        found[path.parent.name.rsplit("-", 1)[0]].append(json.loads(path.read_text()))
    return found


if __name__ == "__main__":
    main()
