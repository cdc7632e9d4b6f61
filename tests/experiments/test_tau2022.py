"""The presets of experiments/tau2022: they load, say what they should take, and keep the published weights of the loss."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from hwasc.data.tau import open_tau
from hwasc.records.settings import Settings
from hwasc.training.loss import distillation_loss

FOLDER = Path(__file__).parents[2] / "experiments" / "tau2022"
LISTS = Path(__file__).parents[3] / "shared" / "data" / "tau2022_lists"


@pytest.mark.parametrize(
    ("preset", "arguments"),
    [
        ("tau2022/cp_mobile", []),
        pytest.param("tau2022/ours", ["--search", "--arch", "dcase2024_baseline"], marks=pytest.mark.long),
        pytest.param("teachers/paper", ["--arch", "edp_60k"], marks=pytest.mark.long),
        ("teachers/sut_2025", ["--arch", "edp_31k"]),
    ],
)
def test_presets_load_and_say_what_they_should_take(
    preset: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = importlib.util.spec_from_file_location("expected", FOLDER / "expected.py")
    assert spec is not None and spec.loader is not None
    expected = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "expected", expected)
    spec.loader.exec_module(expected)
    path = FOLDER.parent / f"{preset}.yaml"
    monkeypatch.setattr(sys, "argv", ["expected.py", str(path), *arguments])
    expected.main()
    out = capsys.readouterr().out.splitlines()
    printed = {line.split()[0]: line for line in out}
    lines = (FOLDER / "expected.md").read_text().splitlines()
    row = next(line for line in lines if line.startswith(f"| `{path.name}` |"))
    cells = [cell.strip() for cell in row.split("|")]
    assert printed["all"].split()[-2] == cells[2] and printed["features"].split()[1] == cells[3].split()[0]
    assert printed["GPU"].split("(")[0].split("memory ")[1].strip() == cells[4]
    assert " ".join(printed["cache"].split()[1:3]) == " ".join(cells[5].split()[:2])
    teachers = [line.split() for line in out if line.startswith("teacher ")]
    counts = {line.split(" | ")[0].removeprefix("| "): line for line in lines}
    for words in teachers if preset in ("tau2022/ours", "teachers/paper") else []:
        _, name, _, parameters, _, macs, _, _, clips, _, _, whole, *_ = words
        assert counts[name] == f"| {name} | {parameters} | {macs} M | {clips} M | {whole} P |"
    head = path.read_text()
    assert "NOT run on TAU here" in head and cells[4] in head and " ".join(cells[5].split()[:2]) in head
    assert f"about {round(float(cells[2]))} hours" in " ".join(head.replace("#", " ").split())


def test_the_published_loss_is_ours_but_for_a_factor() -> None:
    s = Settings.load(FOLDER / "cp_mobile.yaml").distill
    g = torch.Generator().manual_seed(0)
    y, teacher, labels = torch.randn(16, 10, generator=g), torch.randn(16, 10, generator=g), torch.arange(16) % 10
    t = s.temperature
    kl = (
        F.kl_div(F.log_softmax(y / t, 1), F.log_softmax(teacher / t, 1), log_target=True, reduction="none").mean()
        * t
        * t
    )
    published = 0.02 * F.cross_entropy(y, labels) + 0.98 * kl
    ours = distillation_loss(y, labels, teacher, alpha=s.alpha, temperature=t)
    assert float(published) == pytest.approx(0.118 * float(ours), rel=1e-5)


def test_a_subset_may_be_a_number() -> None:
    assert [Settings.load(None, [f"data.subset={v}"]).data.subset for v in ("25", "'25'", "null")] == ["25", "25", None]


LARGE = [
    pytest.param(s, n, marks=pytest.mark.long) for s, n in ((10, 13_960), (25, 34_900), (50, 69_800), (100, 139_620))
]


@pytest.mark.skipif(not LISTS.is_dir(), reason="the official TAU 2022 lists are not here")
@pytest.mark.parametrize(("subset", "clips"), [(5, 6_980), *LARGE])
def test_the_five_official_subsets_have_their_official_sizes(subset: int, clips: int) -> None:
    named = Settings.load(None, [f"data.subset={subset}"]).data.subset
    data = open_tau(LISTS, subset=named, look_for_audio=False)
    assert len(data.train) + len(data.validation) == clips and len(data.test) == 29_680
    assert {c.device for c in data.train} == {"a", "b", "c", "s1", "s2", "s3"}
