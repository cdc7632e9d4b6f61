"""ResNet, PaSST, BEATs and the student's variants: sizes, names and layers as published."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from hwasc.cost.measure import measure
from hwasc.ensemble.pretrained import load_start_weights, open_start_weights
from hwasc.errors import DataError
from hwasc.models.teachers import TeacherSpec, beats, build, passt
from hwasc.models.teachers.resnet import ResNet
from hwasc.parts import TEACHERS
from hwasc.records.front_end import FrontEnd
from hwasc.records.front_ends import front_end
from hwasc.records.presets import PRESETS
from hwasc.records.teacher_settings import PretrainedWeights

EDP = [name for name in TEACHERS.names() if name.startswith("edp_")]
BEATS_NAMES = {r"^encoder\.layers\.[1-9]\d*\.self_attn\.relative_attention_bias\.weight$": None}
PASST_NAMES = {r"^head_dist\.": None}


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_sizes_are_the_published_ones() -> None:
    with torch.device("meta"):
        resnet, large, small = ResNet(1000, 64), beats.Beats(527, 768), passt.PaSST(527, 768, (128, 998))
    assert count(resnet) == 11_689_512 - 2 * 64 * 7 * 7  # ResNet-18 with one input channel instead of three
    assert round(count(large) / 1e6) == 91  # 90 million in the paper, which counts them without the classifier's 0.4
    assert abs(count(large) - 527 * 769 - 90e6) < 0.5e6
    assert round((count(small) + 527 * 769) / 1e6) == 86  # with the second head, which is not used for logits


def test_five_variants_of_the_student_are_larger_and_all_different() -> None:
    width, fe = 64, FrontEnd.for_clip(256, 64)
    sizes = {name: count(build(TeacherSpec(name, width, fe), 10)) for name in EDP}
    assert len(set(sizes.values())) == 5
    assert all(size > 2 * measure(PRESETS["edp_60k"]()).parameters for size in sizes.values())
    student = build(TeacherSpec("edp_wide", 32, fe), 10)
    assert student.architecture == PRESETS["edp_60k"]()
    with pytest.raises(ValueError, match="at least 4 base channels"):
        build(TeacherSpec("edp_deep", 3, fe), 10)


def test_distances_and_attention_of_beats_are_wavlms() -> None:
    wavlm = pytest.importorskip("transformers.models.wavlm.modeling_wavlm")
    torch.manual_seed(0)
    theirs = wavlm.WavLMAttention(32, 4, num_buckets=beats.BUCKETS, max_distance=beats.FARTHEST).eval()
    ours = beats.Attention(32, 4, first=True).eval()
    state = {k.replace("gru_rel_pos_const", "grep_a").replace("gru_rel_pos_linear", "grep_linear"): v
             for k, v in theirs.state_dict().items()}  # fmt: skip
    state["relative_attention_bias.weight"] = state.pop("rel_attn_embed.weight")
    ours.load_state_dict(state)
    with torch.no_grad():  # WavLM gates by the layer's input, BEATs by its query: the same where the query is the input
        for model in (ours, theirs):
            model.q_proj.weight.copy_(torch.eye(32))
            model.q_proj.bias.zero_()
        x = torch.randn(2, 50, 32)
        bias = theirs.compute_bias(50, 50)
        far = theirs.compute_bias(1300, 1300)
        torch.testing.assert_close(far, ours.relative_attention_bias.weight[beats.buckets(1300)].permute(2, 0, 1))
        torch.testing.assert_close(ours(x, bias), theirs(x)[0], rtol=1e-4, atol=1e-5)


def test_position_convolution_of_beats_is_torchs_with_weight_norm() -> None:
    torch.manual_seed(0)
    ours = beats.PositionConvolution(32)
    nn.init.normal_(ours.weight_g)
    theirs = nn.utils.parametrizations.weight_norm(nn.Conv1d(32, 32, 128, padding=64, groups=16), dim=2)
    theirs.load_state_dict(
        {"parametrizations.weight.original0": ours.weight_g, "parametrizations.weight.original1": ours.weight_v,
         "bias": ours.bias}
    )  # fmt: skip
    x = torch.randn(2, 32, 40)
    torch.testing.assert_close(ours(x), theirs(x)[..., :-1], rtol=1e-4, atol=1e-5)


def test_block_of_passt_is_torchs_encoder_layer() -> None:
    torch.manual_seed(0)
    ours = passt.Block(32, 4).eval()
    theirs = nn.TransformerEncoderLayer(
        32, 4, 128, 0.0, activation="gelu", layer_norm_eps=1e-6, batch_first=True, norm_first=True
    ).eval()
    names = {
        "attn.qkv.": "self_attn.in_proj_",
        "attn.proj": "self_attn.out_proj",
        "mlp.fc1": "linear1",
        "mlp.fc2": "linear2",
    }

    def name(key: str) -> str:
        for old, new in names.items():
            key = key.replace(old, new)
        return key

    theirs.load_state_dict({name(key): value for key, value in ours.state_dict().items()})
    x = torch.randn(2, 9, 32)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-5)


def test_passt_takes_the_first_of_its_times_and_drops_rows_and_columns_in_training() -> None:
    torch.manual_seed(0)
    model = passt.PaSST(3, 16, (128, 998), depth=1).eval()
    x = torch.randn(2, 1, 128, 100)
    before = model(x)
    with torch.no_grad():
        model.time_new_pos_embed[..., 9:] += 1
    assert torch.equal(model(x), before) and model(torch.randn(2, 1, 128, 998)).shape == (2, 3)
    seen: list[int] = []
    model.blocks[0].register_forward_pre_hook(lambda _, args: seen.append(args[0].shape[1]))
    model(x)
    model.train()(x)
    assert seen == [2 + 12 * 9, 2 + 8 * 5]


def published(model: nn.Module, more: dict[str, Tensor], path: Path) -> Path:
    state = {name: torch.randn(t.shape) for name, t in model.state_dict().items()}
    save_file(state | more, path)
    return path


def test_published_files_fit_by_the_renaming_of_the_docs(tmp_path: Path) -> None:
    classes = 527
    fe = front_end("passt", 1.0)
    second = {"head_dist.weight": torch.zeros(classes, 16), "head_dist.bias": torch.zeros(classes)}
    file = published(passt.PaSST(classes, 16, (128, 998), depth=4), second, tmp_path / "passt.safetensors")
    spec = TeacherSpec("passt", 16, fe)
    model = build(spec, 10)
    said = load_start_weights(model, spec, 10, open_start_weights(PretrainedWeights(str(file), PASST_NAMES), "mine"))
    assert "its head is left out (527 classes there, 10 here)" in said
    with pytest.raises(DataError, match="head_dist"):
        load_start_weights(model, spec, 10, open_start_weights(str(file), "mine"))
    repeated = {f"encoder.layers.{i}.self_attn.relative_attention_bias.weight": torch.zeros(320, 4) for i in (1, 2, 3)}
    file = published(beats.Beats(classes, 16, depth=4), repeated, tmp_path / "beats.safetensors")
    spec = TeacherSpec("beats", 16, front_end("beats", 1.0))
    model = build(spec, 10)
    load_start_weights(model, spec, 10, open_start_weights(PretrainedWeights(str(file), BEATS_NAMES), "mine"))
    assert bool(model.get_parameter("encoder.layers.3.fc1.bias").any())


@pytest.mark.parametrize(("name", "width"), [("passt", 18), ("beats", 20)])
def test_widths_and_inputs_that_do_not_fit_are_refused(name: str, width: int) -> None:
    with pytest.raises(ValueError, match="positive multiple of"):
        build(TeacherSpec(name, width), 10)
    with pytest.raises(ValueError, match="at least as many mels and frames"):
        build(TeacherSpec(name, 16, FrontEnd.for_clip(15, 33)), 10)
