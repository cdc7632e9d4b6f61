"""An exported folder on every emulated core: the same logits, RAM as predicted, the stack within its bound, little code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from hwasc.cli import main
from hwasc.cli.emulation_table import print_emulation
from hwasc.cost import graph as deployment
from hwasc.cost.firmware_flash import CODE, net_flash
from hwasc.cost.firmware_front_end import front_end_flash
from hwasc.cost.firmware_latency import estimate_c
from hwasc.cost.row_planner import plan_rows
from hwasc.deploy.firmware import toolchain
from hwasc.deploy.firmware.emulation import emulate
from hwasc.deploy.firmware.emulator import EMULATOR
from hwasc.deploy.firmware.exporter import EXPORTER, read_macros
from hwasc.deploy.firmware.measuring import Measured, build_folder, measure_folder
from hwasc.deploy.firmware.options import FirmwareOptions
from hwasc.errors import DataError, HwascError, UsageError
from hwasc.models import build
from hwasc.records.architecture import Architecture, save
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.front_end import FrontEnd
from hwasc.training.quantization import calibrate, quantize

pytestmark = pytest.mark.slow  # builds for six cores
needs_compiler = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None, reason=f"no compiler for Cortex-M: {toolchain.INSTALL}"
)
needs_emulator = pytest.mark.skipif(shutil.which(EMULATOR) is None, reason=f"no emulator: {toolchain.INSTALL}")
FRONT_END = FrontEnd(sample_rate=16_000, n_fft=512, window=512, hop=640, mels=24, frames=26, f_max=8_000.0)
ARCHITECTURE = Architecture(
    FRONT_END,
    (4, 8),
    (
        InvertedResidual(3, 16, 8, grn=GRN()),
        InvertedResidual(3, 16, 8, stride=(2, 1), shortcut=True),
        InvertedResidual(5, 24, 12, stride=(2, 2), grn=GRN(response="l2", shape="channel")),
    ),
    3,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported student with random weights."""
    torch.manual_seed(0)
    clips = torch.randn(4, 1, FRONT_END.mels, FRONT_END.frames)
    student = calibrate(quantize(build(ARCHITECTURE).eval()), [clips], correct_bias=False)
    out = tmp_path_factory.mktemp("firmware") / "scene"
    return EXPORTER.export(student, out, ("a", "b", "c"), options=FirmwareOptions(arithmetic="float"))


@pytest.fixture(scope="module")
def measured(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Measured]:
    """The folder on every core."""
    return {
        name: measure_folder(folder, core, tmp_path_factory.mktemp("core")) for name, core in toolchain.CORES.items()
    }


@needs_compiler
@needs_emulator
@pytest.mark.long
def test_all_cores_give_the_same_logits_and_need_the_predicted_ram(folder: Path, measured: dict[str, Measured]) -> None:
    assert len({m.logits for m in measured.values()}) == 1 and len(set(measured["cortex-m4"].logits)) > 1
    assert {m.state for m in measured.values()} == {int(read_macros(folder)["SCENE_STATE_BYTES"])}
    assert all(m.sizes.data == m.sizes.bss == 0 for m in measured.values()), "no variables outside the state"


@needs_compiler
@needs_emulator
def test_the_painted_stack_stays_within_its_bound(measured: dict[str, Measured]) -> None:
    for name, m in measured.items():
        assert m.stack <= m.stack_bound <= 2048, name
        assert m.stack >= 0.8 * m.stack_bound, f"{name}: the bound is of this code"


@needs_compiler
@needs_emulator
def test_parts_and_operators_add_up(measured: dict[str, Measured]) -> None:
    for m in measured.values():
        assert m.frames == FRONT_END.frames
        assert m.net + m.front_end <= m.clip < 1.1 * (m.net + m.front_end)
        assert 0 < m.loop < 0.3 * m.net
    assert measured["cortex-m4"].net < measured["cortex-m3"].net < measured["cortex-m0+"].net


@needs_compiler
def test_flash_is_as_predicted_and_the_code_is_small(folder: Path, tmp_path: Path) -> None:
    graph = deployment.build(ARCHITECTURE)
    tables = net_flash(graph, plan_rows(graph)).total + front_end_flash(FRONT_END, "float")
    built = build_folder(folder, toolchain.core("cortex-m4"), tmp_path)
    assert built.sizes.tables == tables, "to the byte"
    assert built.sizes.code <= CODE["cortex-m4"] <= 24_000
    assert built.sizes.code >= 0.85 * CODE["cortex-m4"], "the constant in hwasc.cost is of this code"
    assert built.stack.path[0] == "scene_push"


@needs_compiler
@needs_emulator
@pytest.mark.parametrize("name", toolchain.CORES)
def test_the_model_that_budgets_use_is_near_the_count(name: str, measured: dict[str, Measured]) -> None:
    estimate = estimate_c(ARCHITECTURE, name, 1.0, arithmetic="float")
    assert estimate.net == pytest.approx(measured[name].net, rel=0.08)
    assert estimate.front_end == pytest.approx(measured[name].front_end, rel=0.08)


@needs_compiler
@needs_emulator
def test_a_profile_and_a_bench_show_the_emulated_core(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = emulate(ARCHITECTURE, "cortex-m4")
    assert sum(y.instructions for y in found.layers) == found.net
    assert sum(y.macs for y in found.layers) == found.macs
    print_emulation(found)
    assert f"net {found.net:,} (" in capsys.readouterr().out
    path = tmp_path / "best.json"
    save(path, ARCHITECTURE)
    assert main(["bench", "firmware", "--arch", str(path), "--cores", "cortex-m4", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["cores"]
    assert row["net"] == found.net and row["ram"] == found.ram, "the same random weights"


def test_a_missing_tool_is_told_before_anything_long_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HwascError, match="arm-none-eabi-gcc is not installed: apt-get install gcc-arm-none-eabi"):
        emulate(ARCHITECTURE, "cortex-m4")
    with pytest.raises(UsageError, match=r"core 'cortex-m8' is not known.*known: cortex-m0\+"):
        emulate(ARCHITECTURE, "cortex-m8")


def test_a_folder_without_firmware_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no src/scene.c; `hwasc export --format c` writes such a folder"):
        build_folder(tmp_path, toolchain.core("cortex-m4"), tmp_path / "build")
