"""A float student as an int8 one: quantized, calibrated, trained on with held scales, frozen for evaluation, loaded."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import brevitas.nn as qnn
    from brevitas.graph.calibrate import bias_correction_mode, calibration_mode

from hwasc.models.student import Student
from hwasc.training.quantization.modules import Frozen, Output, quantized_module, quantizer


def quantize(student: Student) -> Student:
    """An int8 (fake-quantized) copy of a float student, batch norm folded. Scales are unset until `calibrate` or training.

    The copy is a `Student` whose modules are replaced by quantized ones; its `architecture` stays.
    """
    quantized = copy.deepcopy(student).cpu()
    for unit in student.architecture.program:
        parent, _, name = unit.name.rpartition(".")
        setattr(quantized.get_submodule(parent), name, quantized_module(unit, quantized.get_submodule(unit.name)))
    quantized.input = quantizer(signed=True)
    quantized.pool = nn.Identity()  # the output takes the mean, to quantize it
    quantized.output = Output()
    return quantized.to(next(student.parameters()).device)


@torch.no_grad()
def calibrate(model: Student, batches: Iterable[Tensor], correct_bias: bool = True) -> Student:
    """Set the activation scales from log-mel batches (B, 1, F, T), then correct the biases; in place, returned in eval mode."""
    kept = [b for b in batches]
    device = next(model.parameters()).device
    model.eval()
    with calibration_mode(model):
        for x in kept:
            model(x.to(device))
    if correct_bias:
        with bias_correction_mode(model):
            for x in kept:
                model(x.to(device))
    return model.eval()


def hold_scales(model: Student) -> None:
    """Train on with the activation scales as they are; weights and biases still learn, and the weights' scales follow them.

    Once calibrated, Brevitas keeps an activation's scale as a learned parameter; scales that still move in the last steps move
    every number on their grid with them.
    """
    for module in model.modules():
        if isinstance(module, (qnn.QuantIdentity, qnn.QuantReLU)):
            for scale in module.parameters():
                scale.requires_grad_(False)


def freeze(model: Student) -> Student:
    """A calibrated student for evaluation alone, in place, in about half the time.

    The same logits but where float32 sums, whose order follows the memory layout, put an activation on the other side of a half.
    """

    def frozen(module: nn.Module) -> nn.Module | None:
        return Frozen(module) if isinstance(module, (qnn.QuantIdentity, qnn.QuantReLU)) else None

    _replace(model, frozen)
    return model.eval()


def load_state(model: Student, state: dict[str, Tensor]) -> Student:
    """Load a quantized student's own weights and scales (safetensors). Unknown or missing keys raise KeyError."""
    known = set(model.state_dict())
    if known - set(state):
        # Scales that were never set are buffers until the first load; give Brevitas what the file holds and check the rest.
        missing = {k for k in known - set(state) if "runtime_stats" not in k}
        if missing:
            raise KeyError(f"weights lack {sorted(missing)[:3]}")
    model.load_state_dict(state, strict=False)
    return model


def _replace(module: nn.Module, swap: Callable[[nn.Module], nn.Module | None]) -> None:
    for name, child in module.named_children():
        new = swap(child)
        if new is None:
            _replace(child, swap)
        else:
            setattr(module, name, new)
