"""A winner's figure in its search against its figure on test clips, from the runs of `selection.sh`.

python experiments/search/selection.py FOLDER
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from pathlib import Path
from typing import Any


def row(folder: Path, kind: str, part: str) -> dict[str, float]:
    """The figures of one search and its distilled winner, in percent."""
    found: dict[str, Any] = json.loads((folder / f"{kind}-search-{part}" / "best.json").read_text())["provenance"]
    tested: dict[str, Any] = json.loads((folder / f"{kind}-{part}" / "result.json").read_text())
    proxy, int8 = found["proxy"], tested["int8"]
    return {
        "search": 100 * proxy["int8_accuracy"],
        "error": 100 * proxy["standard_error"],
        "nested": 100 * proxy.get("nested_accuracy", math.nan),
        "test": 100 * int8["accuracy"],
        "test error": 100 * (int8["standard_error"] or math.nan),
        "million MACs": found["costs"]["macs"]["torchinfo"] / 1e6,
    }


def main() -> None:
    """Print a table of all searches, and the mean difference of each kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    print("| finalists scored on | part | in the search, % | nested, % | test, % | search - test | M MACs |")
    print("|---|---|---|---|---|---|---|")
    for kind in ("validation", "folds"):
        parts = sorted(p.parent.name.split("-")[-1] for p in folder.glob(f"{kind}-[0-9]*/result.json"))
        rows = [row(folder, kind, part) for part in parts]
        for part, r in zip(parts, rows, strict=True):
            nested = "" if math.isnan(r["nested"]) else f"{r['nested']:.1f}"
            error = "" if math.isnan(r["test error"]) else f" ± {r['test error']:.1f}"
            print(
                f"| {kind} | {part} | {r['search']:.1f} ± {r['error']:.1f} | {nested} "
                f"| {r['test']:.1f}{error} | {r['search'] - r['test']:+.1f} | {r['million MACs']:.1f} |"
            )
        if len(rows) > 1:
            for name in ("search", "nested"):
                gaps = [r[name] - r["test"] for r in rows]
                if not any(map(math.isnan, gaps)):
                    error = statistics.stdev(gaps) / math.sqrt(len(gaps))
                    print(f"\n{kind}, {name} - test: {statistics.mean(gaps):+.1f} ± {error:.1f} (one standard error)")


if __name__ == "__main__":
    main()
