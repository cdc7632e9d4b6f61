"""Copy what a study needs of its runs: results without their longest parts, and the architectures that searches found.

python experiments/search/keep.py RUNS FOLDER
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

LONG = (
    "losses", "validation_course", "teachers", "leave_one_out", "mixing", "fusion", "confusion", "onnx", "tflite",
)  # fmt: skip


def without_folder(value: Any, folder: str) -> Any:
    """The value without folders of this machine: paths among the runs are given from `runs`, that of the data is left out."""
    if isinstance(value, dict):
        return {k: without_folder(v, folder) for k, v in value.items() if k != "folder"}
    if isinstance(value, list):
        return [without_folder(v, folder) for v in value]
    return value.replace(folder, "runs") if isinstance(value, str) else value


def main() -> None:
    """Write `result.json` of each distillation and `best.json` of each search to a folder, under the run's name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    for run in sorted(p for p in args.runs.iterdir() if p.is_dir()):
        search = run / "best.json"
        path = search if search.is_file() else run / "result.json"
        if not path.is_file():
            continue  # not finished
        record = without_folder(json.loads(path.read_text()), str(args.runs))
        record = {k: v for k, v in record.items() if k not in (("weights", "clips") if path == search else LONG)}
        (args.folder / run.name).mkdir(parents=True, exist_ok=True)
        (args.folder / run.name / path.name).write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
