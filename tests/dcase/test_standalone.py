"""The inference package's own student and front end, against the ones that were trained and measured."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from hwasc.audio.frontend import LogMel
from hwasc.audio.reading import read_clip
from hwasc.cost import measure
from hwasc.dcase.inference_package import complexity
from hwasc.dcase.standalone.system import System
from hwasc.dcase.standalone_weights import packaged_log_mel, to_bytes
from hwasc.models import build
from hwasc.models.blocks import GlobalResponseNorm
from hwasc.models.student import Student
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.records.front_ends import FRONT_ENDS, front_end
from hwasc.training.quantization import calibrate, quantize

pytestmark = pytest.mark.slow

CLASSES = ("airport", "bus", "métro")


def clips(n: int) -> torch.Tensor:
    return nn.functional.interpolate(torch.randn(n, 1, 8, 4), (40, 17)) + 0.3 * torch.randn(n, 1, 40, 17)


def quantized(grn: GRN | None, padding: str, seed: int = 1) -> Student:
    """An int8 student with every kind of block; its norms have seen data, its GRN does something."""
    torch.manual_seed(seed)
    blocks = (
        InvertedResidual(3, 24, 12, (1, 1), True, grn),
        InvertedResidual(5, 24, 12, (2, 2), True, grn),
        InvertedResidual(3, 32, 20, (2, 1), False, grn),
    )
    model = build(Architecture(FrontEnd.for_clip(40, 17), (4, 12), blocks, 3, padding=padding))  # type: ignore[arg-type]
    for m in model.modules():
        if isinstance(m, GlobalResponseNorm):
            nn.init.constant_(m.gamma, 0.3)
            if m.beta is not None:
                nn.init.constant_(m.beta, 0.05)
    for _ in range(15):
        y = model(clips(32))
        model.head.bn.bias.data -= 0.3 * y.detach().mean(0)
    return calibrate(quantize(model.eval()), [clips(32) for _ in range(4)])


def system(path: Path, **students: Student) -> System:
    path.write_bytes(to_bytes(students, CLASSES))
    return System(path)


def evaluated(model: Student, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(x)


def predicted(copy: System, x: torch.Tensor) -> torch.Tensor:
    return torch.stack(copy.logits([row.half()[None] for row in x], ["a"] * len(x)))


KINDS = [None, GRN(), GRN("channel", "expanded"), GRN("scalar", "sum", "l2"), GRN("channel", "expanded", "l2")]
PAIRED = list(zip([*KINDS, None], itertools.cycle(["torch", "same"])))  # each kind and each padding


@pytest.mark.parametrize(("grn", "padding"), PAIRED, ids=str)
def test_the_logits_are_the_evaluated_students_to_a_few_steps(grn: GRN | None, padding: str, tmp_path: Path) -> None:
    """Which sums in float32: an activation falls on the other side of a half now and then."""
    model = quantized(grn, padding)
    copy = system(tmp_path / "s.safetensors", general=model)
    x = clips(200).half().float()
    float_sums, exact_sums = evaluated(model, x), predicted(copy, x)
    assert len(float_sums.argmax(1).unique()) > 1, "the test is not void"
    steps = (float_sums - exact_sums).abs() / copy.student("a").logit_step  # type: ignore[operator]
    assert steps.max() < 5.01 and (steps > 0.5).float().mean() < 0.2  # an untrained net makes much of little
    one_by_one = torch.cat([predicted(copy, row[None]) for row in x[:20]])
    assert torch.equal(one_by_one, exact_sums[:20]), "no result depends on the batch"


@pytest.mark.parametrize(("grn", "padding"), PAIRED, ids=str)
def test_the_logits_are_the_chips_to_the_bit(grn: GRN | None, padding: str, tmp_path: Path) -> None:
    pytest.importorskip("tflite_micro")
    from hwasc.deploy import tflite
    from hwasc.deploy.interpreter import Interpreter

    model = quantized(grn, padding)
    student = system(tmp_path / "s.safetensors", general=model).student("a")
    x = clips(60)
    with Interpreter() as chip:
        chip.load(tflite.export(model, tmp_path / "m.tflite", CLASSES))
        stored = torch.round(x / chip.input.scale).clamp(-128, 127).permute(0, 2, 3, 1).numpy().astype(np.int8)
        expected = chip.run(stored) - chip.output.zero_point
    with torch.no_grad():
        logits = torch.round(student(x) / student.logit_step).numpy()  # type: ignore[operator]
    assert len(set(logits.argmax(1))) > 1, "the test is not void"
    differ = np.abs(logits - expected)
    if grn is not None and grn.response == "l2":  # the kernels' reciprocal root is a table's
        assert differ.max() <= 5 and (differ > 0).mean() < 0.1
    else:
        assert not differ.any()


def test_wide_layers_sum_in_float64() -> None:
    """Beyond float32's whole numbers a sum would be rounded."""
    from hwasc.dcase.standalone.student import Int8Conv2d

    plain = {"stride": (1, 1), "padding": (0, 0), "groups": 1}
    conv = Int8Conv2d(600, 1, (1, 1), **plain)
    assert conv.number == torch.float64 and Int8Conv2d(500, 1, (1, 1), **plain).number == torch.float32
    conv.weight.data.fill_(127)
    x = torch.full((1, 600, 1, 1), 255.0)
    x[0, 0] = 254.0
    assert float(conv(x)) == 600 * 255 * 127 - 127


@pytest.mark.parametrize("grn", [GRN("channel", "expanded"), GRN("channel", "expanded", "l2")], ids=str)
def test_a_map_of_zeros_is_normalized_as_on_the_chip(grn: GRN, tmp_path: Path) -> None:
    """The divisor is at least a step, so that nothing is divided by zero."""
    model = quantized(grn, "same")
    model.blocks[0].depthwise.conv.bias.data -= 1e3  # type: ignore[union-attr, operator]
    copy = system(tmp_path / "s.safetensors", general=model)
    x = clips(20).half().float()
    float_sums, exact_sums = evaluated(model, x), predicted(copy, x)
    difference = (float_sums - exact_sums).abs().max()
    assert torch.isfinite(exact_sums).all() and difference < 1.01 * copy.student("a").logit_step  # type: ignore[operator]


@pytest.mark.parametrize("grn", [None, GRN("channel"), GRN("channel", "expanded", "l2")], ids=str)
def test_complexity_is_what_torchinfo_and_the_parameters_types_say(grn: GRN | None, tmp_path: Path) -> None:
    """By the challenge's own arithmetic: torchinfo's mult-adds, and the elements of each parameter times its bytes."""
    import copy

    torchinfo = pytest.importorskip("torchinfo")
    model = quantized(grn, "same")
    student = system(tmp_path / "s.safetensors", general=model).student("s9")
    packaged = complexity(model.architecture)
    counted = torchinfo.summary(copy.deepcopy(student).float(), input_size=(1, 1, 40, 17), verbose=0)
    assert packaged.macs == counted.total_mult_adds
    assert packaged.parameters == counted.total_params
    assert packaged.parameter_bytes == sum(p.numel() * p.element_size() for p in student.parameters())
    assert {p.dtype for p in student.parameters()} == {torch.int8, torch.int32}
    costs = measure(model.architecture)
    assert 0 <= costs.macs.torchinfo - packaged.macs < 0.01 * packaged.macs, "a bias where the norm had two numbers"


def test_devices_have_their_own_students_and_the_others_the_general_one(tmp_path: Path) -> None:
    general, own = quantized(None, "same"), quantized(GRN(), "torch", seed=2)
    both = system(tmp_path / "s.safetensors", general=general, s1=own)
    x = [row.half()[None] for row in clips(6)]
    devices = ["s1", "a", "s1", "unknown", "general", "s1"]
    got = torch.stack(both.logits(x, devices))
    only = [system(tmp_path / f"{i}.safetensors", general=one) for i, one in enumerate((general, own))]
    first, second = (torch.stack(s.logits(x, ["a"] * 6)) for s in only)
    assert torch.equal(got, torch.where(torch.tensor([d == "s1" for d in devices])[:, None], second, first))
    assert not torch.equal(first, second)
    assert both.student("s1") is not both.student("a") and both.student("a") is both.student("s10")


@pytest.mark.parametrize(("rate", "channels"), [(44_100, 1), (32_000, 2)])
def test_the_front_end_is_ours_to_the_bit(rate: int, channels: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{i}.wav" for i in range(6)]
    for path in paths:
        soundfile.write(path, rng.normal(0, 0.1, (rate, channels)), rate)
    model = quantized(None, "same")
    both = system(tmp_path / "s.safetensors", general=model)
    fe = model.architecture.front_end
    inputs = both.inputs([str(p) for p in paths], ["a"] * 6)
    waves = torch.from_numpy(np.stack([read_clip(p, 0.0, 1.0, fe.sample_rate) for p in paths]))
    log_mel = LogMel(fe)
    expected = torch.cat([log_mel(waves[:4]), log_mel(waves[4:])]).half()
    assert inputs[0].shape == (1, 1, 40, 17) and inputs[0].dtype == torch.float16
    assert torch.equal(torch.cat(inputs)[:, 0], expected)


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_so_are_those_of_published_nets(name: str) -> None:
    fe = front_end(name, 1.0)
    waves = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, (2, fe.samples))).float()
    assert torch.equal(packaged_log_mel(fe)(waves), LogMel(fe)(waves))


def test_short_and_silent_files_get_logits_too(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(44_100), 44_100)
    soundfile.write(tmp_path / "short.wav", np.ones(4_000) * 0.1, 44_100)
    both = system(tmp_path / "s.safetensors", general=quantized(None, "same"))
    inputs = both.inputs([str(tmp_path / "silent.wav"), str(tmp_path / "short.wav")], ["a", "b"])
    assert all(torch.isfinite(x).all() for x in inputs)
    with pytest.raises(ValueError, match="2 files, but 1 devices"):
        both.inputs(["x", "y"], ["a"])


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    import safetensors.torch

    (tmp_path / "f.safetensors").write_bytes(safetensors.torch.save({"x": torch.zeros(1)}))
    with pytest.raises(ValueError, match="holds no system"):
        System(tmp_path / "f.safetensors")
