"""Which accuracy on validation clips goes along with that on test clips: of clips, or of recording devices, counted alike?

Float nets of finished distillations, each measured again on the validation clips.

python experiments/search/by_device.py measure RUN... > rows.json
python experiments/search/by_device.py table rows.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import pearsonr
from torch.nn import functional as F

import hwasc
from hwasc.data.features import Features
from hwasc.models.student import Student
from hwasc.nas.clip_weights import clip_weights
from hwasc.records import architecture as architectures
from hwasc.training.loop import predict
from hwasc.training.metrics import macro_accuracy
from hwasc.training.weights import load_weights

WAYS = ("clips", "devices")


def figures(net: Student, features: Features) -> dict[str, float]:
    """Macro accuracy and mean cross-entropy, with clips and with devices counted alike."""
    logits = torch.from_numpy(predict(net, features, torch.device("cpu"))).double()
    labels = torch.from_numpy(features.labels).long()
    losses = F.cross_entropy(logits, labels, reduction="none").numpy()
    found = {}
    for way in WAYS:
        weights = clip_weights(features.clips, way)
        found[f"accuracy_{way}"] = macro_accuracy(logits.argmax(1), labels, len(features.classes), weights=weights)
        found[f"loss_{way}"] = float((weights * losses).mean())
    return found


def measured(run: Path) -> dict[str, Any]:
    """The figures of a distillation's float net on validation and test clips."""
    ws = hwasc.open(like=run, progress=False)
    architecture = architectures.load(run / "architecture.json").architecture
    net = Student(architecture)
    net.load_state_dict(load_weights(run / "float.safetensors"))
    splits = {"validation": ws.dataset.validation, "test": ws.dataset.test}
    features = {split: ws.features(clips, architecture.front_end, split) for split, clips in splits.items()}
    return {"run": f"{run.parent.name}/{run.name}", **{split: figures(net.eval(), f) for split, f in features.items()}}


def table(rows: list[dict[str, Any]]) -> list[str]:
    """A line for each net: its mean over seeds; and how far the figures on validation clips go along with test accuracy."""
    nets: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        nets.setdefault(row["run"].rpartition("-")[0], []).append(row)
    lines = ["| net | seeds | validation, clips alike | validation, devices alike | test |", "|---|---|---|---|---|"]
    for name, of_net in nets.items():
        cells = [
            100 * float(np.mean([row[split][key] for row in of_net]))
            for split, key in (
                *(("validation", f"accuracy_{way}") for way in WAYS),
                ("test", "accuracy_clips"),
            )
        ]
        lines.append(f"| {name} | {len(of_net)} | " + " | ".join(f"{cell:.1f}" for cell in cells) + " |")
    test = [row["test"]["accuracy_clips"] for row in rows]
    for key in (f"{figure}_{way}" for figure in ("accuracy", "loss") for way in WAYS):
        r = pearsonr([row["validation"][key] for row in rows], test)[0]
        lines.append(f"{key}: r = {r:+.2f} with test accuracy over {len(rows)} trainings")
    return lines


def main() -> None:
    """Measure runs, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=("measure", "table"))
    parser.add_argument("paths", type=Path, nargs="+")
    args = parser.parse_args()
    if args.do == "measure":
        print(json.dumps([measured(run) for run in args.paths], indent=1))
    else:
        print("\n".join(table([row for path in args.paths for row in json.loads(path.read_text())])))


if __name__ == "__main__":
    main()
