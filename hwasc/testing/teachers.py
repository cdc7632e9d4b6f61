"""The contract of a family of teachers.

from hwasc.testing.teachers import check_teacher

def test_my_teacher() -> None:
    check_teacher(FAMILY)
"""

from __future__ import annotations

import copy
import pickle

import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.models.teachers.family import Family
from hwasc.records.front_end import FrontEnd

SMALL = FrontEnd.for_clip(40, 16)


def check_teacher(family: Family, *, width: int | None = None) -> None:
    """Check that a family fulfils its contract, on small random log-mels.

    Args:
        family: The record that the registry holds.
        width: Of the teachers that are built; None: the family's default. A small one is quicker.

    Raises:
        AssertionError: Describes the first violation.
    """
    width = family.width if width is None else width
    _check_record(family)
    _check_shapes(family, width)
    _check_gradients(family, width)
    _check_evaluation(family, width)
    _check_machines(family, width)
    _check_learning(family, width)


def _check_record(family: Family) -> None:
    """The record: a usable name, a default width, a front end for a clip of 1 s, and it can be pickled."""
    assert family.name.isidentifier(), f"name '{family.name}': letters, digits and underscores, not a digit first"
    assert family.width >= 1, f"width {family.width}: the default must be at least 1"
    assert family.about, "about: one line for people is missing"
    paper = family.paper
    assert paper.seconds == 1, f"paper: the front end is for {paper.seconds} s; give the one for a clip of 1 s"
    try:
        again = pickle.loads(pickle.dumps(family))
    except Exception as e:
        raise AssertionError(
            f"make cannot be pickled for other processes ({e}); define it at the top of a module"
        ) from e
    assert again == family, "the family is another one after pickling"


def _check_shapes(family: Family, width: int) -> None:
    """Logits of any number of classes, in training and evaluation; the default width and the paper's front end work."""
    front_end = FrontEnd.for_clip(64, 33)
    for classes, size, chosen in ((2, SMALL, width), (10, front_end, width), (3, family.paper, family.width)):
        model = _made(family, classes, chosen, size)
        for training in (True, False):
            logits = model.train(training)(torch.randn(2, 1, size.mels, size.frames))
            where = f"width {chosen}, {size.mels}x{size.frames}, {classes} classes"
            assert logits.shape == (2, classes), f"{where}: logits have the shape {tuple(logits.shape)}"
            assert logits.isfinite().all(), f"{where}: logits are not finite"


def _check_gradients(family: Family, width: int) -> None:
    """A loss reaches every parameter."""
    model = _made(family, 10, width).train()
    F.cross_entropy(model(_noise(8)), torch.arange(8)).backward()
    missing = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not missing, f"no gradient reaches {missing}"


def _check_evaluation(family: Family, width: int) -> None:
    """Evaluation is deterministic, a clip's logits do not depend on the others of its batch, and the state can be saved."""
    model, x = _warm(_made(family, 10, width)), _noise(5)
    together = model(x)
    assert torch.equal(together, model(x)), (
        "the same clips get other logits the second time: is dropout off in eval mode?"
    )
    alone = torch.cat([model(clip[None]) for clip in x])
    assert torch.allclose(alone, together, rtol=1e-4, atol=1e-5), "a clip's logits depend on the others of its batch"
    other = _made(family, 10, width, seed=1).eval()
    assert not torch.equal(together, other(x)), (
        "another seed gives the same weights: make must draw from torch's generator"
    )
    other.load_state_dict(load(save(model.state_dict())))
    assert torch.equal(together, other(x)), "the saved state gives other logits"
    again = _made(family, 10, width, seed=1).state_dict()
    first = _made(family, 10, width, seed=1).state_dict()
    assert all(torch.equal(first[k], again[k]) for k in first), "the same seed gives other weights"


def _check_machines(family: Family, width: int) -> None:
    """It runs in bfloat16, in channels_last, and on another device than the one it was built on."""
    model, x = _made(family, 10, width), _noise(4)
    with torch.autocast("cpu", torch.bfloat16):
        loss = F.cross_entropy(model(x).float(), torch.arange(4))
    loss.backward()
    assert loss.isfinite(), "the loss in bfloat16 is not finite"
    model.eval()
    last = copy.deepcopy(model).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    there = last(x.to(memory_format=torch.channels_last))
    assert torch.allclose(there, model(x), rtol=1e-3, atol=1e-4), "channels_last gives other logits"
    try:
        moved = _made(family, 10, width).to("meta").train()(_noise(2).to("meta"))
    except (RuntimeError, NotImplementedError) as e:
        raise AssertionError(f"something stays on the CPU when the net is moved: {e}") from e
    assert moved.device.type == "meta"


def _check_learning(family: Family, width: int) -> None:
    """Within 120 steps it learns to distinguish noise in one wide band from noise in stripes."""
    model, accuracy = _made(family, 2, width), 0.0
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(1, 121):
        x, y = _wide_or_striped(32)
        optimizer.zero_grad()
        F.cross_entropy(model.train()(x), y).backward()
        optimizer.step()
        if step % 15 == 0:
            x, y = _wide_or_striped(200)
            with torch.no_grad():
                accuracy = float((model.eval()(x).argmax(1) == y).float().mean())
            if accuracy > 0.9:
                return
    raise AssertionError(
        f"after 120 steps it distinguishes two simple patterns in {accuracy:.0%} of the cases; 90% are needed"
    )


def _made(family: Family, classes: int, width: int, front_end: FrontEnd = SMALL, seed: int = 0) -> nn.Module:
    """A fresh teacher; the global generator is seeded."""
    torch.manual_seed(seed)
    return family(classes, width, front_end)


def _noise(clips: int) -> Tensor:
    """Random log-mels (clips, 1, mels, frames)."""
    return torch.randn(clips, 1, SMALL.mels, SMALL.frames)


def _warm(model: nn.Module) -> nn.Module:
    """A model whose running statistics are no longer the initial ones, in evaluation mode."""
    model.train()(_noise(8) * 2 + 1)
    return model.eval()


def _wide_or_striped(clips: int) -> tuple[Tensor, Tensor]:
    """Noise with more energy in one wide band (0) or in stripes four mels wide (1), and which."""
    rows, y = torch.arange(SMALL.mels), torch.randint(0, 2, (clips,))
    patterns = torch.stack([(rows >= 10) & (rows < 30), rows % 8 < 4]).float()
    return _noise(clips) + 1.5 * patterns[y][:, None, :, None], y
