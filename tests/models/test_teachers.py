"""Every family of teachers passes one contract; each is also held against the figures of its paper."""

from __future__ import annotations

import copy

import pytest
import torch
from pydantic import TypeAdapter
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional as F

from hwasc.errors import UsageError
from hwasc.models.teachers import FAMILIES, TeacherSpec, bc_resnet, build, describe, tf_sepnet
from hwasc.models.teachers.patch_transformer import PatchTransformer
from hwasc.records import schema
from hwasc.records.architecture import FrontEnd

SMALL = (40, 16)
NARROW = {
    "cp_resnet": 8, "bc_resnet": 1, "tf_sepnet": 16, "patch_transformer": 16, "crnn": 4, "cp_mobile": 8, "mobilenet_v3": 2,
}  # fmt: skip


def front_end(mels: int, frames: int) -> FrontEnd:
    return FrontEnd.for_clip(mels, frames)


def teacher(family: str, classes: int = 10, size: tuple[int, int] = SMALL, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build(TeacherSpec(family, NARROW.get(family, 0), front_end(*size)), classes)


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("family", FAMILIES)
class TestContract:
    @pytest.mark.parametrize(
        ("size", "classes"), [((40, 16), 2), ((64, 33), 10), ((128, 51), 50), ((256, 65), 10), ((45, 1000), 3)]
    )
    def test_gives_logits_for_any_size(self, family: str, size: tuple[int, int], classes: int) -> None:
        model = teacher(family, classes, size)
        for mode in (True, False):
            logits = model.train(mode)(torch.randn(2, 1, *size))
            assert logits.shape == (2, classes) and logits.isfinite().all()

    def test_gradients_reach_every_parameter(self, family: str) -> None:
        model = teacher(family).train()
        F.cross_entropy(model(torch.randn(8, 1, *SMALL)), torch.arange(8)).backward()
        missing = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
        assert not missing

    def test_eval_is_deterministic_and_blind_to_companions(self, family: str) -> None:
        model = warm(teacher(family))
        x = torch.randn(5, 1, *SMALL)
        together = model(x)
        assert torch.equal(together, model(x))
        alone = torch.cat([model(clip[None]) for clip in x])
        torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)

    def test_state_survives_safetensors(self, family: str) -> None:
        model, other = warm(teacher(family)), teacher(family, seed=1).eval()
        x = torch.randn(3, 1, *SMALL)
        assert not torch.equal(model(x), other(x))
        other.load_state_dict(load(save(model.state_dict())))
        assert torch.equal(model(x), other(x))

    def test_runs_in_bfloat16_and_channels_last(self, family: str) -> None:
        model, x = teacher(family), torch.randn(4, 1, *SMALL)
        with torch.autocast("cpu", torch.bfloat16):
            loss = F.cross_entropy(model(x).float(), torch.arange(4))
        loss.backward()
        assert loss.isfinite() and all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
        model.eval()
        last = copy.deepcopy(model).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        torch.testing.assert_close(last(x.to(memory_format=torch.channels_last)), model(x), rtol=1e-3, atol=1e-4)

    def test_moves_to_another_device(self, family: str) -> None:
        model = teacher(family).to("meta").train()  # a buffer or index left behind on the CPU would raise
        assert model(torch.randn(2, 1, *SMALL, device="meta")).device.type == "meta"

    def test_learns_band_patterns(self, family: str) -> None:
        model = teacher(family, classes=2).train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        for _ in range(60):
            x, y = wide_or_striped(32)
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        x, y = wide_or_striped(200)
        assert (model.eval()(x).argmax(1) == y).float().mean() > 0.9

    def test_default_width_is_for_a_laptop(self, family: str) -> None:
        found = describe(TeacherSpec(family), 10)
        assert str(found).startswith(f"{family} width {FAMILIES[family].width} at 64x33: ") and 2e6 < found.macs < 20e6
        assert found.parameters == count(build(TeacherSpec(family), 10))

    def test_hears_through_the_papers_front_end(self, family: str) -> None:
        paper = FAMILIES[family].paper
        assert paper.seconds == 1 and paper.frames in (1 + paper.samples // paper.hop, paper.samples // paper.hop)
        assert (
            teacher(family, size=(paper.mels, paper.frames))
            .eval()(torch.zeros(1, 1, paper.mels, paper.frames))
            .isfinite()
            .all()
        )

    def test_width_scales(self, family: str) -> None:
        size = front_end(*SMALL)
        small, large = (count(build(TeacherSpec(family, w * FAMILIES[family].width, size), 10)) for w in (1, 2))
        assert 2 < large / small < 4.5


def warm(model: nn.Module) -> nn.Module:
    """A model whose running statistics are no longer the initial ones, in evaluation mode."""
    model.train()(torch.randn(8, 1, *SMALL) * 2 + 1)
    return model.eval()


def wide_or_striped(clips: int) -> tuple[Tensor, Tensor]:
    """Noise with more energy in one wide band (0) or in stripes four mels wide (1)."""
    rows, y = torch.arange(SMALL[0]), torch.randint(0, 2, (clips,))
    patterns = torch.stack([(rows >= 10) & (rows < 30), rows % 8 < 4]).float()
    return torch.randn(clips, 1, *SMALL) + 1.5 * patterns[y][:, None, :, None], y


def test_spec_names_the_nearest_family_and_resolves_the_width() -> None:
    assert TeacherSpec("cp_resnet").width == 32 and TeacherSpec("cp_resnet", 128).width == 128
    with pytest.raises(ValueError, match="did you mean 'bc_resnet'"):
        TeacherSpec("bcresnet")
    with pytest.raises(ValueError, match="known: cp_resnet, "):
        TeacherSpec("xyz")
    with pytest.raises(ValueError, match="width"):
        TeacherSpec("crnn", -1)
    with pytest.raises(ValueError, match="two classes"):
        build(TeacherSpec("crnn"), 1)


def test_spec_is_a_record() -> None:
    spec = TeacherSpec("crnn", front_end=front_end(64, 33))
    assert schema.parse(TeacherSpec, schema.plain(spec), "test") == spec
    assert TypeAdapter(TeacherSpec).validate_python({"family": "crnn"}).width == FAMILIES["crnn"].width
    with pytest.raises(UsageError, match="did you mean 'width'"):
        schema.parse(TeacherSpec, {"family": "crnn", "wdith": 3}, "test")


@pytest.mark.parametrize(("tau", "thousands"), [(1, 9.2), (2, 27.3), (3, 54.2), (6, 188), (8, 321)])
def test_bc_resnet_has_the_published_size(tau: int, thousands: float) -> None:
    size = count(bc_resnet.BCResNet(12, tau)) / 1000
    assert abs(size - thousands) <= (0.5 if thousands >= 100 else 0.05)  # the paper's table is rounded


def test_bc_resnet_normalises_each_band_alone() -> None:
    norm = bc_resnet.SubSpectralNorm(3).train()
    loud = torch.arange(17.0)[None, None, :, None] // 4 * 10  # bands of 4, 4, 3, 3 and 3 rows
    y = norm(torch.randn(4, 3, 17, 6) + loud)
    for rows in (slice(0, 4), slice(4, 8), slice(8, 11), slice(11, 14), slice(14, 17)):
        torch.testing.assert_close(y[:, :, rows].mean((0, 2, 3)), torch.zeros(3), rtol=0, atol=1e-4)


@pytest.mark.parametrize(("adaptive", "size"), [(False, 126_858), (True, 126_858 + 3 * 576)])
def test_tf_sepnet_64_has_the_published_size(adaptive: bool, size: int) -> None:
    assert count(tf_sepnet.TFSepNet(10, 64, adaptive=adaptive)) == size


def test_residual_norm_is_its_equation() -> None:
    x = torch.randn(2, 6, 5, 7) * 3 + 1
    fin = (x - x.mean((1, 3), keepdim=True)) / (x.var((1, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(tf_sepnet.ResidualNorm(6, adaptive=False)(x), 0.1 * x + fin)
    norm = tf_sepnet.ResidualNorm(6, adaptive=True)
    for p in norm.parameters():
        nn.init.normal_(p)
    torch.testing.assert_close(norm(x), norm.gamma * (norm.rho * x + (1 - norm.rho) * fin) + norm.beta)


def test_tf_sepnet_refuses_widths_that_cannot_be_halved() -> None:
    with pytest.raises(ValueError, match="multiple of 4"):
        tf_sepnet.TFSepNet(10, 30)


def test_patch_transformer_is_vit_base_but_for_what_it_leaves_out() -> None:
    with torch.device("meta"):
        ours = count(PatchTransformer(1000, 768, (224, 224), (16, 16), depth=12))
    biases, colours, token, positions = 12 * 3 * 768, 2 * 16 * 16 * 768, 768, (197 - 14 - 14) * 768
    assert ours + biases + colours + token + positions == 86_567_656  # ViT-B/16, on which PaSST builds


def test_patchout_only_in_training_and_sizes_are_checked() -> None:
    model = PatchTransformer(10, 16, (64, 32), (8, 4), depth=1)
    tokens: list[int] = []
    model.norm.register_forward_hook(lambda _, __, out: tokens.append(out.shape[1]))
    x = torch.randn(2, 1, 64, 32)
    model.train()(x)
    model.eval()(x)
    model(x[..., :16])  # fewer frames are fine, as in PaSST
    assert tokens == [36, 64, 32]
    with pytest.raises(ValueError, match="built for 64 x 32"):
        model(torch.randn(2, 1, 64, 40))
    with pytest.raises(ValueError, match="multiple of 4"):
        PatchTransformer(10, 18, (64, 32), (8, 4))
