"""Alpha and temperature chosen by short distillations: the grid, the rule, and the whole way through `distill`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hwasc.records import architecture as architectures
from hwasc.records.architecture import Architecture
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.distill_settings import DistillSettings
from hwasc.records.front_end import FrontEnd
from hwasc.report.distilling import distill_report
from hwasc.students.loss_choice import LossTrial, candidates, chosen
from hwasc.students.result import DistillResult

Run = Callable[..., tuple[int, str, str]]


def trial(alpha: float, gain: float, error: float) -> LossTrial:
    return LossTrial(alpha=alpha, temperature=2.0, accuracy=0.5, log_loss=1.0, gain=gain, error=error)


def test_the_settings_remain_unless_another_is_better_by_a_standard_error() -> None:
    own = trial(0.7, 0.0, 0.0)
    assert chosen([own, trial(0.5, 0.03, 0.02), trial(0.9, 0.01, 0.001)]).alpha == 0.5
    assert chosen([own, trial(0.5, 0.03, 0.03), trial(0.9, -0.01, 0.001)]) == own
    assert chosen([own]) == own


def test_the_grid_has_the_settings_first_and_once() -> None:
    assert candidates(DistillSettings()) == [(0.7, 2.0)]
    assert candidates(DistillSettings(choose=("alpha",), temperature=3.0)) == [(0.7, 3.0), (0.5, 3.0), (0.9, 3.0)]
    both = candidates(DistillSettings(choose=("temperature", "alpha"), alpha=0.8))
    assert both[0] == (0.8, 2.0) and len(both) == 10 == len(set(both))
    with pytest.raises(ValueError, match="nothing to choose without teachers"):
        DistillSettings(choose=("alpha",), alpha=0.0)


@pytest.mark.slow
def test_distill_with_a_chosen_alpha(hwasc: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    front_end = FrontEnd.for_clip(20, 17, n_fft=1024, window=1024, sample_rate=16_000)
    net = Architecture(front_end, (4, 8), (InvertedResidual(3, 16, 8, (1, 1), True, GRN()),), 10)
    architectures.save(tmp_path / "a.json", net, {})
    argv = ["distill", "--arch", tmp_path / "a.json", "--json", "--set", "distill.choose=[alpha]"]
    argv += ["--set", "distill.train.epochs=4", "--run", tmp_path / "r"]
    status, out, err = hwasc(*argv, tiny=True)
    assert status == 0, err
    found = json.loads(out)
    choice = found["loss_choice"]
    assert choice["epochs"] == 1 and [t["alpha"] for t in choice["trials"]] == [0.7, 0.5, 0.9]
    assert found["alpha"] == choice["alpha"] and choice["trials"][0]["gain"] == 0
    accuracies = {t["accuracy"] for t in choice["trials"]}
    assert all(0 <= a <= 1 for a in accuracies)
    assert len(found["losses"]["float"]) == 4, "the training after the choice is whole"
    result = DistillResult.read(tmp_path / "r")
    assert json.loads(json.dumps(result.to_json()))["loss_choice"] == choice
    assert "Choice of the loss" in distill_report(result)
    monkeypatch.setattr("hwasc.students.stages.train_student", lambda *_, **__: pytest.fail("trained again"))
    (tmp_path / "r" / "result.json").unlink()
    status, again, err = hwasc(*argv, tiny=True)
    assert status == 0 and json.loads(again)["loss_choice"] == choice, err
