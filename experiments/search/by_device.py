"""Which accuracy on validation clips goes along with that on test clips: of clips, or of recording devices, counted alike?

Float nets of finished distillations, each measured again on the validation clips: as recorded, and through a random equaliser
a clip, as if by devices that no clip is of.

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
from torch import Tensor, nn
from torch.nn import functional as F

import hwasc
from hwasc.audio.equaliser import draw_responses, equalised
from hwasc.data.features import Features
from hwasc.models.student import Student
from hwasc.nas.clip_weights import clip_weights
from hwasc.records import architecture as architectures
from hwasc.records.data_settings import AugmentSettings
from hwasc.records.front_end import FrontEnd
from hwasc.training.loop import predict
from hwasc.training.metrics import macro_accuracy
from hwasc.training.weights import load_weights

WAYS = ("clips", "devices")
EQUALISERS = AugmentSettings(equaliser_p=1.0)  # a standard deviation of 6 dB


class Equalised(nn.Module):
    """A net behind random equalisers, one a clip."""

    def __init__(self, net: Student, front_end: FrontEnd, seed: int = 0) -> None:
        super().__init__()
        self.net, self.front_end = net, front_end
        self.generator = torch.Generator().manual_seed(seed)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(equalised(x, draw_responses(len(x), self.generator, EQUALISERS), self.front_end))


def figures(net: nn.Module, features: Features) -> dict[str, float]:
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
    found = {split: figures(net.eval(), f) for split, f in features.items()}
    found["equalised"] = figures(Equalised(net, architecture.front_end), features["validation"])
    found["unseen"] = unseen(net, features["test"], {clip.device for clip in ws.dataset.train})
    return {"run": f"{run.parent.name}/{run.name}", **found}


def unseen(net: nn.Module, features: Features, known: set[str]) -> dict[str, float]:
    """Accuracy on clips of devices that are not known."""
    other = ~np.isin(features.devices, sorted(known))
    logits = predict(net, features, torch.device("cpu"))
    return {"accuracy_clips": float((logits.argmax(1) == features.labels)[other].mean())}


def table(rows: list[dict[str, Any]]) -> list[str]:
    """A line for each net: its mean over seeds; and how far the figures on validation clips go along with test accuracy."""
    nets: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        nets.setdefault(row["run"].rpartition("-")[0], []).append(row)
    columns = ("validation, clips alike", "validation, devices alike", "through equalisers", "test", "unseen devices")
    lines = [f"| net | seeds | {' | '.join(columns)} |", "|---" * (2 + len(columns)) + "|"]
    for name, of_net in nets.items():
        cells = [
            100 * float(np.mean([row[split][key] for row in of_net]))
            for split, key in (
                *(("validation", f"accuracy_{way}") for way in WAYS),
                ("equalised", "accuracy_devices"),
                ("test", "accuracy_clips"),
                ("unseen", "accuracy_clips"),
            )
        ]
        lines.append(f"| {name} | {len(of_net)} | " + " | ".join(f"{cell:.1f}" for cell in cells) + " |")
    for of in ("test", "unseen"):
        truth = [row[of]["accuracy_clips"] for row in rows]
        for split in ("validation", "equalised"):
            for key in (f"{figure}_{way}" for figure in ("accuracy", "loss") for way in WAYS):
                r = pearsonr([row[split][key] for row in rows], truth)[0]
                lines.append(f"{split}, {key}: r = {r:+.2f} with {of} accuracy over {len(rows)} trainings")
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
