"""Copies of quantized students against `copy.deepcopy`: the same numbers, nothing shared."""

from __future__ import annotations

import copy
import gc
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hwasc.models.student import Student
from hwasc.records.presets import cp_mobile
from hwasc.records.space import SearchSpace
from hwasc.testing.examples import SPACE
from hwasc.training.quantization import calibrate, quantize, quantizer
from hwasc.training.quantization.copying import copied


def student(space: SearchSpace = SPACE) -> Student:
    torch.manual_seed(0)
    return Student(space.architecture({name: values[-1] for name, values in space.choices().items()}, 3)).eval()


def clips(model: Student, count: int = 4) -> Tensor:
    fe = model.architecture.front_end
    return torch.randn(count, 1, fe.mels, fe.frames, generator=torch.Generator().manual_seed(1))


def owned(model: nn.Module) -> dict[int, Any]:
    """Modules, tensors and containers that a model leads to, except those that belong to a class."""
    found: dict[int, Any] = {}
    left: list[Any] = [model]
    while left:
        thing = left.pop()
        if id(thing) in found or isinstance(thing, type):
            continue
        if isinstance(thing, (nn.Module, Tensor, dict, list, set)) or type(thing).__module__.startswith("brevitas"):
            found[id(thing)] = thing
            left += [item for item in gc.get_referents(thing) if not isinstance(item, type)]
    return {key: thing for key, thing in found.items() if not isinstance(thing, dict) or thing}


def test_a_copy_shares_nothing_and_computes_the_same() -> None:
    first = calibrate(quantize(student()), [clips(student())])
    second, third = copied(first), copy.deepcopy(first)
    assert not set(owned(first)) & set(owned(second))
    assert [type(m) for m in second.modules()] == [type(m) for m in third.modules()]
    assert len(owned(second)) == len(owned(third))
    expected, x = first.state_dict(), clips(first)
    assert second.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in second.state_dict().items())
    assert torch.equal(second(x), first(x))
    second.train()
    optimizer = torch.optim.SGD(second.parameters(), lr=0.1)
    before = {name: value.clone() for name, value in expected.items()}
    second(x).square().mean().backward()
    optimizer.step()
    assert not torch.equal(second.eval()(x), first(x))
    assert all(torch.equal(value, before[name]) for name, value in first.state_dict().items())


def test_what_is_tied_stays_tied() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.again = nn.Linear(2, 2), [nn.Linear(2, 2)]
            self.two, self.again[0].weight = self.one, self.one.weight

    made = copied(Tied())
    assert made.one is made.two and made.again[0].weight is made.one.weight


@pytest.mark.parametrize("signed", [False, True])
def test_quantizers_do_not_learn_together(signed: bool) -> None:
    one, two = quantizer(signed), quantizer(signed)
    before = copy.deepcopy(two.state_dict())
    one.train()(torch.randn(8, 8)).value.sum().backward()
    assert all(p.grad is None for p in two.parameters())
    assert all(torch.equal(value, before[name]) for name, value in two.state_dict().items())


def test_a_student_does_not_depend_on_what_was_quantized_before() -> None:
    """No draw from torch's generator, whether the convolutions were seen before or not."""
    net = Student(cp_mobile(base=24)).eval()
    torch.manual_seed(3)
    expected = torch.random.get_rng_state()
    first = quantize(net)
    assert torch.equal(torch.random.get_rng_state(), expected)
    second = quantize(net)
    state = first.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in second.state_dict().items())
