"""A float student as an int8 one: quantized, calibrated, trained further with fixed scales, frozen for evaluation, loaded."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import brevitas.nn as qnn
    from brevitas.graph.calibrate import bias_correction_mode, calibration_mode

from hwasc.models.student import Student
from hwasc.training.quantization.activations import Frozen, quantizer
from hwasc.training.quantization.copying import copied
from hwasc.training.quantization.modules import Output, quantized_module


def quantize(student: Student) -> Student:
    """An int8 (fake-quantized) copy of a float student, batch norm folded. Scales are unset until `calibrate` or training.

    The copy is a `Student` whose modules are replaced by quantized ones; its `architecture` stays.
    """
    quantized = copied(student).cpu()
    for unit in student.architecture.program:
        parent, _, name = unit.name.rpartition(".")
        setattr(quantized.get_submodule(parent), name, quantized_module(unit, quantized.get_submodule(unit.name)))
    quantized.input = quantizer(signed=True)
    quantized.pool = nn.Identity()  # `Output` computes the mean, to quantize it
    quantized.output = Output()
    return quantized.to(next(student.parameters()).device)


@torch.no_grad()
def calibrate(model: Student, batches: Iterable[Tensor], correct_bias: bool = True) -> Student:
    """Set the activation scales from batches, then correct the biases; in place.

    Args:
        model: A quantized student.
        batches: Log-mels (B, 1, F, T).
        correct_bias: Whether biases compensate the mean error of each layer.

    Returns:
        The student, in eval mode.
    """
    batches = list(batches)
    device = next(model.parameters()).device
    model.eval()
    with calibration_mode(model):
        for x in batches:
            model(x.to(device))
    if correct_bias:
        with bias_correction_mode(model):
            for x in batches:
                model(x.to(device))
    return model.eval()


def hold_scales(model: Student) -> None:
    """Fix the activation scales for further training; weights and biases still learn, and the weights' scales follow them.

    After calibration an activation's scale is a learned parameter in Brevitas. A scale that still changes in the last steps
    changes every number on its grid.
    """
    for module in model.modules():
        if isinstance(module, (qnn.QuantIdentity, qnn.QuantReLU)):
            for scale in module.parameters():
                scale.requires_grad_(False)


def freeze(model: Student) -> Student:
    """Make a calibrated student about twice as fast, for evaluation only; in place.

    The logits are the same except where the error of a float32 sum, whose order follows the memory layout, moves an activation
    across a half.
    """

    def frozen(module: nn.Module) -> nn.Module | None:
        return Frozen(module) if isinstance(module, (qnn.QuantIdentity, qnn.QuantReLU)) else None

    _replace(model, frozen)
    return model.eval()


def load_state(model: Student, state: dict[str, Tensor]) -> Student:
    """Load the weights and scales of a quantized student.

    Args:
        model: A quantized student of the same architecture.
        state: Tensors by name, from a safetensors file.

    Returns:
        The model.

    Raises:
        KeyError: Weights are missing.
    """
    known = set(model.state_dict())
    if known - set(state):
        # A scale that was never set is a buffer until the first load, so its name is not in the file; all others must be.
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
