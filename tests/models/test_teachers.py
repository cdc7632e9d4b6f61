"""Every family of teachers passes one contract; each is also held against the figures of its paper."""

from __future__ import annotations

import pytest
import torch
from pydantic import TypeAdapter
from torch import nn

from hwasc.errors import UsageError
from hwasc.models.teachers import TeacherSpec, bc_resnet, build, describe, tf_sepnet
from hwasc.models.teachers.patch_transformer import PatchTransformer
from hwasc.parts import TEACHERS
from hwasc.records import schema
from hwasc.records.front_end import FrontEnd

SMALL = (40, 16)
NARROW = {
    "cp_resnet": 8, "bc_resnet": 1, "tf_sepnet": 16, "patch_transformer": 16, "crnn": 4, "cp_mobile": 8, "mobilenet_v3": 2,
    "resnet": 4, "passt": 16, "beats": 16, "edp_wide": 8, "edp_deep": 8, "edp_expanded": 8, "edp_kernel5": 8, "edp_inner_grn": 8,
}  # fmt: skip


def front_end(mels: int, frames: int) -> FrontEnd:
    return FrontEnd.for_clip(mels, frames)


def teacher(family: str, classes: int = 10, size: tuple[int, int] = SMALL, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build(TeacherSpec(family, NARROW.get(family, 0), front_end(*size)), classes)


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("family", TEACHERS.names())
class TestContract:
    @pytest.mark.parametrize(
        ("size", "classes"), [((40, 16), 2), ((64, 33), 10), ((128, 51), 50), ((256, 65), 10), ((45, 1000), 3)]
    )
    def test_gives_logits_for_any_size(self, family: str, size: tuple[int, int], classes: int) -> None:
        model = teacher(family, classes, size)
        for mode in (True, False):
            logits = model.train(mode)(torch.randn(2, 1, *size))
            assert logits.shape == (2, classes) and logits.isfinite().all()

    def test_default_width_is_for_a_laptop(self, family: str) -> None:
        found = describe(TeacherSpec(family), 10)
        assert (
            str(found).startswith(f"{family} width {TEACHERS.get(family).width} at 64x33: ") and 2e6 < found.macs < 20e6
        )
        assert found.parameters == count(build(TeacherSpec(family), 10))

    def test_the_papers_front_end(self, family: str) -> None:
        paper = TEACHERS.get(family).paper
        assert paper.seconds == 1 and paper.frames in (paper.most_frames, paper.samples // paper.hop)
        assert (
            teacher(family, size=(paper.mels, paper.frames))
            .eval()(torch.zeros(1, 1, paper.mels, paper.frames))
            .isfinite()
            .all()
        )

    def test_width_scales(self, family: str) -> None:
        size = front_end(*SMALL)
        small, large = (count(build(TeacherSpec(family, w * TEACHERS.get(family).width, size), 10)) for w in (1, 2))
        assert 2 < large / small < 4.5


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
    assert TypeAdapter(TeacherSpec).validate_python({"family": "crnn"}).width == TEACHERS.get("crnn").width
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
        learned = count(PatchTransformer(1000, 768, (224, 224), (16, 16), depth=12))
    biases, colours, token, positions = 12 * 3 * 768, 2 * 16 * 16 * 768, 768, (197 - 14 - 14) * 768
    assert learned + biases + colours + token + positions == 86_567_656  # ViT-B/16, on which PaSST builds


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
