"""What a preset should take on a GPU, by counts and arithmetic alone; nothing is trained, and none of it was measured on TAU.

    python experiments/tau2022/expected.py experiments/tau2022/cp_mobile.yaml --arch cp_mobile
    python experiments/tau2022/expected.py experiments/tau2022/ours.yaml --search      # candidates at half of DCASE's 30 M MACs
    python experiments/tau2022/expected.py experiments/teachers/paper.yaml --arch edp_60k

Counts: of every net the parameters, the MACs of a clip, and its clips in training (clips x epochs x what the folds train on).
Time: each such clip costs its MACs times 6 (two operations each, forward once and backward twice) at --tera operations a second
that small nets are taken to reach, --dense for nets of large matrix products (resnet, passt, beats), and --milliseconds of one
core that loads and augments it, one after the other; quantization-aware epochs four times the net's part. It may be wrong by a
factor of three either way. Memory of the GPU, of the net that takes most: what every layer gives, for a batch, in single
precision, three times (itself, its normalised and its rectified form are stored for the gradient), and four numbers a parameter
(itself, its gradient, AdamW's two means). Cache: float16 log-mel of all clips (training, validation, test), once for every
front end.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from hwasc.api.inputs import as_architecture
from hwasc.cost import measure
from hwasc.ensemble.fusion import z1_architecture
from hwasc.models import build as build_student
from hwasc.models.teachers import TeacherSpec, build, describe
from hwasc.parts import TEACHERS
from hwasc.records.edp import edp_60k
from hwasc.records.front_end import FrontEnd
from hwasc.records.settings import Settings
from hwasc.records.train_settings import TrainSettings

TRAIN, TEST, CLASSES = 139_620, 29_680, 10
EXTRACTION = 1.5e-3  # s of a core for a clip, from file to cache
DENSE = ("resnet", "passt", "beats")
CANDIDATE_MACS = 15_000_000  # of a search's candidate within 30 million


@dataclass(frozen=True)
class Part:
    """name; clips in training; MACs of the net; parameters; cost: of the net, relative to single precision training; dense."""

    name: str
    clips: float
    macs: int
    parameters: int = 0
    cost: float = 1.0
    dense: bool = False

    def hours(self, tera: float, dense: float, milliseconds: float) -> float:
        """On one GPU and one core."""
        rate = 1e12 * (dense if self.dense else tera)
        return self.clips * (6 * self.macs * self.cost / rate + milliseconds / 1e3) / 3600


def stored_values(net: nn.Module, front_end: FrontEnd) -> int:
    """Values that the layers of a net give for one clip."""
    values = 0

    def count(module: nn.Module, inputs: object, output: object) -> None:
        nonlocal values
        values += output.numel() if isinstance(output, torch.Tensor) else 0

    hooks = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    with torch.no_grad():
        net.eval()(torch.zeros(1, 1, front_end.mels, front_end.frames))
    for hook in hooks:
        hook.remove()
    return values


def taken(net: nn.Module, front_end: FrontEnd, batch: int) -> int:
    """Bytes of a net in training."""
    return 4 * (3 * batch * stored_values(net, front_end) + 4 * sum(p.numel() for p in net.parameters()))


def trained_teachers(s: Settings) -> list[tuple[str, TeacherSpec, TrainSettings]]:
    """The members of a preset that are trained: name, spec, training."""
    out = []
    for member in s.teachers.members:
        chosen, own = member.front_end, FrontEnd.for_clip(s.teachers.mels, s.teachers.frames)
        front_end = TEACHERS.get(member.family).paper if chosen == "paper" else chosen.front_end(1.0) if chosen else own
        spec = TeacherSpec(member.family, member.width or 0, front_end)
        out.append((member.name, spec, member.train or s.teachers.train))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset", type=Path)
    parser.add_argument("--arch", default="cp_mobile")
    parser.add_argument("--search", action="store_true", help="with a search's candidates")
    parser.add_argument(
        "--tera", type=float, default=1.5, help="operations a second, in 10^12, that are reached (default 1.5)"
    )
    parser.add_argument("--dense", type=float, default=15, help="the same for large matrix products (default 15)")
    parser.add_argument("--milliseconds", type=float, default=0.25, help="of a core for a clip (default 0.25)")
    args = parser.parse_args()
    s = Settings.load(args.preset)
    training = TRAIN * int(s.data.subset or 100) / 100
    clips_used = training * (1 - s.data.validation_share)
    student = as_architecture(args.arch).architecture
    costs = measure(student)
    macs, size = costs.macs.conv, costs.parameters
    net = build_student(student)
    parts, memory = [], [(taken(net, student.front_end, s.distill.train.batch), s.distill.train.batch, "student")]
    own = FrontEnd.for_clip(s.teachers.mels, s.teachers.frames)
    front_ends = {student.front_end, own}
    for name, spec, train in trained_teachers(s):
        clips = clips_used * (s.teachers.folds - 1) * train.epochs  # each of the folds trains on the others
        found = describe(spec, CLASSES)
        title = f"teacher {name} {spec.front_end.mels}x{spec.front_end.frames}"
        parts.append(Part(title, clips, found.macs, found.parameters, dense=spec.family in DENSE))
        memory.append((taken(build(spec, CLASSES), spec.front_end, train.batch), train.batch, name))
        front_ends.add(spec.front_end)
    kept, count = clips_used * (1 - s.fusion.hold_out), len(s.teachers.members)
    paper = replace(edp_60k(max(count, 2)), front_end=own)
    for name, epochs, backbone in (
        ("z1", s.fusion.epochs, z1_architecture(own, count)),
        ("z1 and z2 (paper)", s.fusion.paper_epochs, paper),
    ):
        z1 = measure(backbone)
        parts.append(Part(f"fusion heads, {name}", kept * epochs, z1.macs.conv, z1.parameters))
    if args.search:
        first, again = s.search.train, s.search.second()
        parts.append(
            Part(f"search, {s.search.trials} first scores", clips_used * first.epochs * s.search.trials, CANDIDATE_MACS)
        )
        parts.append(
            Part(
                f"search, {s.search.rescore} second scores",
                clips_used * again.epochs * s.search.rescore,
                CANDIDATE_MACS,
            )
        )
    parts.append(Part("student, float", clips_used * s.distill.train.epochs, macs, size))
    parts.append(Part("student, quantization-aware", clips_used * s.distill.qat.epochs, macs, size, 4.0))
    hours = [part.hours(args.tera, args.dense, args.milliseconds) for part in parts]
    for part, each_hours in zip(parts, hours, strict=True):
        print(
            f"{part.name:<34}{part.parameters:>12,} parameters{part.macs / 1e6:>10,.1f} M MACs{part.clips / 1e6:>8,.1f} M clips"
            f"{part.macs * part.clips / 1e15:>8,.1f} P MACs{each_hours:>8.1f} h"
        )
    print(f"{'all':<88}{sum(p.macs * p.clips for p in parts) / 1e15:>8,.1f} P MACs{sum(hours):>8.1f} h")
    most, batch, name = max(memory)
    print(f"GPU memory {most / 1e9:.1f} GB (batch {batch} of {name})")
    cache = (training + TEST) * sum(2 * fe.mels * fe.frames for fe in front_ends) / 1e9
    features = (training + TEST) * len(front_ends) * EXTRACTION / 3600
    print(f"features {features:.1f} h of one core")
    print(f"cache {cache:.1f} GB ({', '.join(sorted(f'{fe.mels}x{fe.frames}' for fe in front_ends))})")


if __name__ == "__main__":
    main()
