"""Pruning a float student's channels with torch-pruning (Fang et al., DepGraph, 2023).

Channels have the names and numbers of `records.widths`. The dependency graph finds what depends on a channel: batch norms,
depthwise filters, GRN's vectors, the inputs of later layers, and, through shortcuts, other blocks' outputs. The classes and
the log-mel input have no name there, so they are never pruned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch_pruning
from torch import Tensor, nn

from hwasc.models.student import Student
from hwasc.records.architecture import Architecture
from hwasc.records.widths import resized, width_unit, widths

Scores = dict[str, np.ndarray]  # width name -> importance of each of its channels


def importance(student: Student, losses: Iterable[Tensor]) -> Scores:
    """How much the loss would change without each channel, to first order.

    A channel's importance is the mean over batches of |sum w dL/dw|, the sum over the channel's weights in one layer; these are
    added over all layers that write or read the channel (Molchanov et al., 2019, eq. 8, with the absolute value).

    Args:
        student: A float student; it ends in eval mode.
        losses: Losses of training batches through this student, each computed on demand while the student is in eval mode, so
            that batch norm does not hide the scale of the layer before it.

    Returns:
        The importance of each channel, by the names of the widths; comparable between widths.
    """
    graph = _graph(student)
    score = torch_pruning.importance.GroupTaylorImportance("sum", normalizer=None, multivariable=True)
    names = widths(student.architecture)
    groups = {name: _group(graph, student, name, range(count)) for name, count in names.items()}
    total = {name: torch.zeros(count) for name, count in names.items()}
    batches = 0
    student.eval()
    for loss in losses:
        student.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for name, group in groups.items():
            total[name] += score(group).detach().float().cpu()
        batches += 1
    student.zero_grad(set_to_none=True)
    return {name: (t / max(batches, 1)).numpy() for name, t in total.items()}


def remove(student: Student, channels: Mapping[str, Sequence[int]]) -> Student:
    """Remove channels, and everything that depends on them, in place; `student.architecture` follows.

    Args:
        student: A float student.
        channels: Numbers of the channels to remove, by the names of the widths.

    Returns:
        The student, in eval mode.
    """
    graph = _graph(student)
    for name, indices in channels.items():
        if indices:
            _group(graph, student, name, indices).prune()
    student.architecture = read_back(student)
    return student


def read_back(student: Student) -> Architecture:
    """The architecture of a student: channel counts as its layers have them, the rest from the record it was built from."""
    a = student.architecture
    return resized(a, {name: _width_conv(student, name).out_channels for name in widths(a)})


def _graph(student: Student) -> Any:
    fe, device = student.architecture.front_end, next(student.parameters()).device
    for p in student.parameters():
        p.requires_grad_(True)  # the graph is traced through autograd
    x = torch.zeros(1, 1, fe.mels, fe.frames, device=device)
    with torch.enable_grad():
        return torch_pruning.DependencyGraph().build_dependency(student.eval(), x, verbose=False)


def _group(graph: Any, student: Student, name: str, indices: Iterable[int]) -> Any:
    """Everything that depends on those channels of a width, found from the convolution that first computes them."""
    conv = _width_conv(student, name)
    return graph.get_pruning_group(conv, torch_pruning.prune_conv_out_channels, list(indices))


def _width_conv(student: Student, name: str) -> nn.Conv2d:
    conv = student.get_submodule(f"{width_unit(student.architecture, name)}.conv")
    assert isinstance(conv, nn.Conv2d)
    return conv
