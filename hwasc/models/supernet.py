"""The supernet: one set of weights for every point of a search space; a candidate takes its slice.

A slice runs in a student module whose parameters are views of the shared ones, so its wiring is the student's. Where two choices
cannot share a tensor's leading part (kinds of block, kernel sizes, kinds of GRN) each has a tensor of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from hwasc.models.student import Student
from hwasc.records.blocks.base import DEFAULT_KIND
from hwasc.records.space import Point, SearchSpace


class Supernet(nn.Module):
    """Shared weights of a search space's students: `forward(x, point)` is the student at that point.

    Every tensor of a candidate is the leading part, in all axes, of a shared one (slimmable networks, Yu et al., 2019;
    once-for-all, Cai et al., 2020). Forward uses the batch's own statistics in batch norm, as in training; to evaluate a
    candidate take its `student(point)` and set its statistics with `recalibrate`.
    """

    def __init__(self, space: SearchSpace, classes: int, seconds: float = 1.0) -> None:
        """Initialise the shared weights by torch's global generator.

        Args:
            space: The search space.
            classes: How many; at least 2.
            seconds: Length of a clip, s.
        """
        super().__init__()
        self.space, self.classes, self.seconds = space, classes, seconds
        largest: dict[str, Tensor] = {}
        for point in _covering(space):
            net = Student(space.architecture(point, classes, seconds))
            for place, tensor in zip(_places(space, point, net), net.parameters(), strict=True):
                if place not in largest or tensor.numel() > largest[place].numel():
                    largest[place] = tensor.detach()
        self.shared = nn.ParameterDict(largest)

    def weights(self, point: Point, net: Student) -> dict[str, Tensor]:
        """The parameters of a candidate, as views of the shared ones.

        Args:
            point: The candidate's point.
            net: A student of its architecture.

        Returns:
            The views, by the names of the student's parameters.
        """
        places = _places(self.space, point, net)
        return {
            name: self.shared[place][tuple(slice(n) for n in p.shape)]
            for place, (name, p) in zip(places, net.named_parameters(), strict=True)
        }

    def forward(self, x: Tensor, point: Point) -> Tensor:
        """Log-mel (B, 1, mels, frames) of the point's front end -> logits (B, classes)."""
        net = Student(self.space.architecture(point, self.classes, self.seconds))
        for m in net.modules():
            if isinstance(m, nn.BatchNorm2d):
                m.track_running_stats, m.running_mean, m.running_var, m.num_batches_tracked = False, None, None, None
        y: Tensor = functional_call(net, self.weights(point, net), x)
        return y

    @torch.no_grad()
    def student(self, point: Point) -> Student:
        """A separate student with a copy of the candidate's slice; its batch norm statistics are unset."""
        net = Student(self.space.architecture(point, self.classes, self.seconds))
        weights = self.weights(point, net)
        for name, p in net.named_parameters():
            p.copy_(weights[name])
        return net.to(next(self.parameters()).device)


@torch.no_grad()
def recalibrate(student: Student, batches: Iterable[Tensor]) -> Student:
    """Set batch norm's statistics to the mean over batches, in place.

    Every slice needs its own: statistics of the shared weights fit no candidate (Yu and Huang, 2019, section 3.2).

    Args:
        student: A float student.
        batches: Log-mels (B, 1, F, T).

    Returns:
        The student, in eval mode.
    """
    norms = [m for m in student.modules() if isinstance(m, nn.BatchNorm2d)]
    momenta = [m.momentum for m in norms]
    for m in norms:
        m.reset_running_stats()
        m.momentum = None  # torch: a plain mean over the batches
    student.train()
    device = next(student.parameters()).device
    with torch.no_grad():
        for x in batches:
            student(x.to(device, memory_format=torch.channels_last))
    for m, momentum in zip(norms, momenta, strict=True):
        m.momentum = momentum
    return student.eval()


def _places(space: SearchSpace, point: Point, net: Student) -> Iterator[str]:
    """Where each of the student's parameters lies among the shared ones, in the student's order."""
    stages = [(i, j) for i in range(1, len(space.stages) + 1) for j in range(point[f"stage{i}.depth"])]
    a = net.architecture
    places = {}  # by the units' paths
    for unit in a.program:
        part, _, rest = unit.name.partition(".")
        if part == "blocks":
            number, _, name = rest.partition(".")
            stage, depth = stages[int(number)]
            kind = a.blocks[int(number)].kind
            other_kind = () if kind == DEFAULT_KIND else (kind,)
            places[unit.name] = "/".join((f"stage{stage}", str(depth), *other_kind, name + unit.variant))
    for name, _ in net.named_parameters():
        steps = name.split(".")
        place = places.get(".".join(steps[:3]))
        yield "/".join(steps) if place is None else "/".join((place, *steps[3:]))


def _covering(space: SearchSpace) -> Iterator[dict[str, Any]]:
    """Points that together contain every shared tensor at its largest."""
    choices = space.choices()
    kernels = {n: v for n, v in choices.items() if n.endswith(".kernel")}
    norms = {n: v for n, v in choices.items() if n.endswith(".grn")}
    kinds = {n: v for n, v in choices.items() if n.endswith(".block")}
    top = {n: v[0] if isinstance(v[0], str) else max(v) for n, v in choices.items()}
    separate = (kinds, kernels, norms)
    counts = (range(max(map(len, each.values()), default=1)) for each in separate)
    for numbers in itertools.product(*counts):
        chosen = {n: v[i % len(v)] for i, each in zip(numbers, separate) for n, v in each.items()}
        for at in space.grn_at:
            yield top | chosen | {"grn_at": at}
