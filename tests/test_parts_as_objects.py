"""Parts that are given to Python functions as objects: no registration, and worker processes have them too."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import hwasc
from hwasc.ensemble.family_teacher import training_seed
from hwasc.errors import UsageError
from hwasc.parts import TEACHERS

if TYPE_CHECKING:
    from hwasc.workspace import Workspace

PACKAGE = Path(__file__).parent / "outside_package"


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The little package can be imported, here and in spawned processes, but is not installed: no entry point names it."""
    monkeypatch.syspath_prepend(PACKAGE)
    monkeypatch.setattr(TEACHERS, "_parts", {})


@pytest.mark.slow
def test_a_teacher_reaches_worker_processes(tiny_workspace: Workspace, tmp_path: Path) -> None:
    from hwasc_little.teacher import FAMILY

    ws = dataclasses.replace(tiny_workspace, cache=tmp_path, workers=2)
    summary = hwasc.teach(ws, teachers=["crnn", dataclasses.replace(FAMILY, width=8)])
    assert [t["name"] for t in summary.to_json()["teachers"]] == ["crnn", "little"]
    assert len(list(tmp_path.glob("teachers/little-*/fold*.safetensors"))) == 2


def test_the_last_teacher_of_a_name_counts_and_built_in_names_are_taken() -> None:
    from hwasc_little.teacher import FAMILY

    from hwasc.models.teachers import provide

    assert provide(FAMILY) == "little" and TEACHERS.get("little") is FAMILY
    wider = dataclasses.replace(FAMILY, width=64)
    assert provide(wider) == provide(wider) == "little" and TEACHERS.get("little") is wider
    assert provide(TEACHERS.get("crnn")) == "crnn"
    with pytest.raises(UsageError, match="already a teacher 'crnn'"):
        provide(dataclasses.replace(FAMILY, name="crnn"))


def test_a_teachers_seed_follows_from_its_name() -> None:
    seeds = {training_seed(0, family, fold) for family in (*TEACHERS.names(), "little") for fold in range(3)}
    assert len(seeds) == 3 * (len(TEACHERS.names()) + 1)
    assert (training_seed(0, "crnn", 0), training_seed(1, "crnn", 2)) == (3759169698, 1872757942)


def test_a_cache_tells_changed_families_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hwasc_little.teacher import FAMILY

    assert TEACHERS.get("crnn").code == "" and len(FAMILY.code) == 16
    assert FAMILY.code == dataclasses.replace(FAMILY, about="other words").code
    assert FAMILY.code != dataclasses.replace(FAMILY, make=TEACHERS.get("crnn").make).code


@pytest.mark.slow
def test_a_search_takes_a_strategy_a_proxy_and_an_engine(
    tiny_workspace: Workspace, tiny_space: Path, tmp_path: Path
) -> None:
    from hwasc_little.strategy import Little

    from hwasc.nas.engines.local import LocalEngine
    from hwasc.nas.proxies.distillation import score

    def search(run: str, strategy: object, proxy: object) -> object:
        return hwasc.search(
            tiny_workspace, budget="dcase2024", space=tiny_space, strategy=strategy, proxy=proxy, engine=LocalEngine(),
            run=tmp_path / run,
        )  # type: ignore[arg-type]  # fmt: skip

    found = search("objects", Little(), score)
    assert len(found.trials) == 3  # type: ignore[attr-defined]
    config = (tmp_path / "objects" / "config.yaml").read_text()
    assert "strategy: hwasc_little.strategy:Little" in config
    assert "proxy: hwasc.nas.proxies.distillation:score" in config
    again = search("objects", Little(), score)
    assert again.trials == found.trials, "the same call resumes"  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="strategy was 'hwasc_little.strategy:Little', is now 'random'"):
        search("objects", "random", score)


@pytest.mark.slow
def test_a_search_refuses_a_proxy_without_an_accuracy(
    tiny_workspace: Workspace, tiny_space: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="proxy 'synflow' measures no accuracy"):
        hwasc.search(tiny_workspace, budget="dcase2024", space=tiny_space, proxy="synflow", run=tmp_path)
    with pytest.raises(UsageError, match="proxy 'synflo' is not known, did you mean 'synflow'"):
        hwasc.search(tiny_workspace, budget="dcase2024", space=tiny_space, proxy="synflo", run=tmp_path)
