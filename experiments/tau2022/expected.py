"""What a preset should take on a GPU, by arithmetic alone; nothing is trained, and none of it was measured on TAU.

    python experiments/tau2022/expected.py experiments/tau2022/cp_mobile.yaml --arch cp_mobile
    python experiments/tau2022/expected.py experiments/tau2022/ours.yaml --search      # candidates at half of DCASE's 30 M MACs

Time: every clip of every epoch costs its net's MACs times 6 (two operations each, forward once and backward twice) at --tera
operations a second that small nets are taken to reach, and --milliseconds of one core that loads and augments it, one after the
other; quantization-aware epochs four times the net's part. It may be wrong by a factor of three either way. Memory of the GPU:
what every layer of the largest net gives, for a batch, in single precision, three times (itself, its normalised and its rectified
form are stored for the gradient). Cache: float16 log-mel of all clips (training, validation, test), once for every front end.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from hwasc.api.inputs import as_architecture
from hwasc.cost import measure
from hwasc.models import build as build_student
from hwasc.models.teachers import TeacherSpec, build, describe
from hwasc.parts import TEACHERS
from hwasc.records.front_end import FrontEnd
from hwasc.records.settings import Settings

TRAIN, TEST, CLASSES = 139_620, 29_680, 10
EXTRACTION = 1.5e-3  # s of a core for a clip, from file to cache
CANDIDATE_MACS = 15_000_000  # of a search's candidate within 30 million


@dataclass(frozen=True)
class Part:
    """name; clips in training; MACs of the net; cost: of the net, relative to single precision training."""

    name: str
    clips: float
    macs: int
    cost: float = 1.0

    def hours(self, tera: float, milliseconds: float) -> float:
        """On one GPU and one core."""
        return self.clips * (6 * self.macs * self.cost / (tera * 1e12) + milliseconds / 1e3) / 3600


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


def specs(s: Settings) -> list[TeacherSpec]:
    """The teachers of a preset."""
    out = []
    for member in s.teachers.members:
        chosen, own = member.front_end, FrontEnd.for_clip(s.teachers.mels, s.teachers.frames)
        front_end = TEACHERS.get(member.family).paper if chosen == "paper" else chosen.front_end(1.0) if chosen else own
        out.append(TeacherSpec(member.family, member.width or 0, front_end))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset", type=Path)
    parser.add_argument("--arch", default="cp_mobile")
    parser.add_argument("--search", action="store_true", help="with a search's candidates")
    parser.add_argument(
        "--tera", type=float, default=1.5, help="operations a second, in 10^12, that are reached (default 1.5)"
    )
    parser.add_argument("--milliseconds", type=float, default=0.25, help="of a core for a clip (default 0.25)")
    args = parser.parse_args()
    s = Settings.load(args.preset)
    clips_used = TRAIN * (1 - s.data.validation_share)
    student = as_architecture(args.arch).architecture
    macs = measure(student).macs.conv
    parts, values = [], [(s.distill.train.batch, stored_values(build_student(student), student.front_end), "student")]
    front_ends = {student.front_end, FrontEnd.for_clip(s.teachers.mels, s.teachers.frames)}
    for spec in specs(s):
        clips = clips_used * (s.teachers.folds - 1) * s.teachers.train.epochs  # each of the folds trains on the others
        parts.append(
            Part(
                f"teacher {spec.family} {spec.front_end.mels}x{spec.front_end.frames}",
                clips,
                describe(spec, CLASSES).macs,
            )
        )
        values.append((s.teachers.train.batch, stored_values(build(spec, CLASSES), spec.front_end), spec.family))
        front_ends.add(spec.front_end)
    if args.search:
        first, again = s.search.train, s.search.second
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
    parts.append(Part("student, float", clips_used * s.distill.train.epochs, macs))
    parts.append(Part("student, quantization-aware", clips_used * s.distill.qat.epochs, macs, 4.0))
    hours = [part.hours(args.tera, args.milliseconds) for part in parts]
    for part, each_hours in zip(parts, hours, strict=True):
        print(f"{part.name:<40}{part.clips / 1e6:>9,.1f} M clips{part.macs / 1e6:>9,.1f} M MACs{each_hours:>8.1f} h")
    print(f"{'all':<40}{sum(hours):>41.1f} h")
    batch, most, name = max(values, key=lambda v: v[0] * v[1])
    print(f"GPU memory {3 * 4 * batch * most / 1e9:.1f} GB (batch {batch} of {name})")
    cache = (TRAIN + TEST) * sum(2 * fe.mels * fe.frames for fe in front_ends) / 1e9
    features = (TRAIN + TEST) * len(front_ends) * EXTRACTION / 3600
    print(f"features {features:.1f} h of one core")
    print(f"cache {cache:.1f} GB ({', '.join(sorted(f'{fe.mels}x{fe.frames}' for fe in front_ends))})")


if __name__ == "__main__":
    main()
