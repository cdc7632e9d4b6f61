"""Vela's summary of files that hwasc wrote; where it is missing or refuses, one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hwasc.deploy import tflite, vela
from hwasc.errors import DataError, HwascError, UsageError
from hwasc.models import build
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.training.quantization import calibrate, quantize


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    a = Architecture(FrontEnd.for_clip(40, 17), (4, 8), (InvertedResidual(3, 16, 8, (1, 1), True, GRN()),), 3)
    quantized = calibrate(quantize(build(a).eval()), [torch.randn(4, 1, 40, 17)])
    return tflite.export(quantized, tmp_path_factory.mktemp("model") / "m.tflite", ("a", "b", "c"))


def test_a_larger_accelerator_is_faster_and_only_the_quotient_stays_on_the_cpu(model: Path) -> None:
    pytest.importorskip("ethosu")
    small, large = (vela.estimate(model, f"ethos-u55-{n}") for n in (32, 256))
    assert 0 < large.milliseconds < small.milliseconds < 100
    assert small.cpu_operators == 1 and small.npu_operators > 8  # Ethos-U has no DIV
    assert small.tool.startswith("vela ") and small.sram > 1_000 and small.flash > 500


@pytest.mark.parametrize("family", vela.SYSTEMS)
def test_every_family_compiles(model: Path, family: str) -> None:
    pytest.importorskip("ethosu")
    sizes = vela.SYSTEMS[family][2]
    assert vela.estimate(model, f"{family}-{sizes[-1]}").milliseconds > 0


def test_wrong_use_and_damaged_files_are_one_line(model: Path, tmp_path: Path) -> None:
    pytest.importorskip("ethosu")
    with pytest.raises(UsageError, match="did you mean 'ethos-u55-128'"):
        vela.estimate(model, "ethos-u55-12")
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(model.read_bytes()[:700])
    with pytest.raises(DataError, match="damaged|cannot compile") as e:
        vela.estimate(damaged)
    assert "\n" not in str(e.value)


def test_without_vela_one_line_says_what_to_install(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vela.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(HwascError, match=r"pip install 'hwasc\[vela\]'"):
        vela.estimate(model)
