"""Tables from distilled runs: every `NAME-SEED/result.json` below a folder, mean and standard deviation over the seeds.

python experiments/summary.py runs/synthetic
"""

from __future__ import annotations

import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any


def spread(values: list[float]) -> str:
    """Mean and, from two values on, standard deviation, in percent."""
    text = f"{100 * statistics.mean(values):.1f}"
    return text + (f" ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else "")


def main(folder: Path) -> None:
    """Print the student table and the fusion table as Markdown."""
    runs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in sorted(folder.glob("*-*/result.json")):
        runs[path.parent.name.rsplit("-", 1)[0]].append(json.loads(path.read_text()))
    if not runs:
        raise SystemExit(f"{folder}: holds no NAME-SEED/result.json")
    groups = list(next(iter(runs.values()))[0]["int8"]["groups"])
    head = ["student", "seeds", "parameters", "MACs", "peak activations B", "float %", "int8 %", "by location %",
            *(f"int8 {g} %" for g in groups), "log loss", "ONNX agreement %"]  # fmt: skip
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for name, results in runs.items():
        costs = results[0]["costs"]
        row = [name, len(results), f"{costs['parameters']:,}", f"{costs['macs']['torchinfo']:,}",
               f"{costs['int8_memory']['activations']:,}", spread([r["float"]["accuracy"] for r in results]),
               spread([r["int8"]["accuracy"] for r in results]), spread([r["int8"]["by_location"] for r in results]),
               *(spread([r["int8"]["groups"][g] for r in results]) for g in groups),
               f"{statistics.mean(r['int8']['log_loss'] for r in results):.3f}",
               f"{100 * min(r['onnx']['agreement'] for r in results):.1f}"]  # fmt: skip
        print("| " + " | ".join(map(str, row)) + " |")
    fusion = next((r["fusion"] for results in runs.values() for r in results if r["fusion"]), [])
    if fusion:
        print("\n| fused (test clips) | macro accuracy % | log loss |\n|---|---|---|")
        for f in fusion:
            print(f"| {f['name']} | {100 * f['accuracy']:.1f} | {f['log_loss']:.3f} |")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/synthetic"))
