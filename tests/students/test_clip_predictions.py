"""predictions.csv: a row for each clip, no path of the machine; the surest mistakes; the error of an accuracy over places."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hwasc.students.clip_predictions import COLUMNS, ClipPredictions, beside
from hwasc.training.metrics import measure_logits

if TYPE_CHECKING:
    from hwasc.data.features import Features
    from hwasc.workspace import Workspace


@pytest.fixture(scope="module")
def features(tiny_workspace: Workspace) -> Features:
    from hwasc.records.front_end import FrontEnd

    return tiny_workspace.features(tiny_workspace.dataset.test, FrontEnd.for_clip(40, 17), "test")


class Sized(SimpleNamespace):
    """What `measure_logits` reads of features."""

    def __len__(self) -> int:
        return len(self.clips)


def logits_of(features: Features, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(len(features), len(features.classes))).astype(np.float32)


def test_the_table_has_a_row_for_each_clip(features: Features, tiny_workspace: Workspace, tmp_path: Path) -> None:
    found = ClipPredictions(root=tiny_workspace.dataset.root, features=features, logits=logits_of(features))
    found.write_csv(tmp_path / "p.csv")
    head, *rows = csv.reader((tmp_path / "p.csv").read_text().splitlines())
    assert head == [*COLUMNS, *features.classes] and len(rows) == len(features)
    assert str(tiny_workspace.dataset.root) not in (tmp_path / "p.csv").read_text()
    for clip, row in zip(features.clips, rows, strict=True):
        cells = dict(zip(head, row, strict=True))
        assert tiny_workspace.dataset.root / cells["file"] == clip.path
        assert (cells["clip"], cells["scene"], cells["device"], cells["location"]) == (
            clip.id,
            clip.scene,
            clip.device,
            clip.location,
        )
        shares = {name: float(cells[name]) for name in features.classes}
        assert sum(shares.values()) == pytest.approx(1, abs=0.001)
        assert max(shares, key=shares.__getitem__) == cells["predicted"]
        assert float(cells["probability"]) == shares[cells["predicted"]]
        assert float(cells["probability_of_scene"]) == shares[clip.scene]
        assert float(cells["end"]) - float(cells["start"]) == pytest.approx(clip.seconds)


def test_the_surest_mistake_is_first(features: Features) -> None:
    found = ClipPredictions(root=Path("/"), features=features, logits=logits_of(features))
    wrong = found.wrong
    assert set(wrong) == set(np.flatnonzero(found.predicted != features.labels).tolist())
    sure = [found.probabilities[row].max() for row in wrong]
    assert sure == sorted(sure, reverse=True)


def test_a_page_has_its_table_beside_it() -> None:
    assert beside("a/noise.html") == Path("a/noise.predictions.csv")


def places_of(clips: int, places: int, scenes: int) -> Any:
    """Clips of so many scenes, with as many places each."""
    labels = np.repeat(np.arange(scenes), places * clips)
    names = [f"{i // clips}" for i in range(len(labels))]
    found = [SimpleNamespace(location=name, device="a") for name in names]
    return Sized(clips=found, labels=labels, classes=tuple("abc"[:scenes]), devices=np.array(["a"] * len(labels)))


def test_the_error_of_an_accuracy_is_its_spread_over_places() -> None:
    clips, places, scenes = 10, 4, 3
    features, rng = places_of(clips, places, scenes), np.random.default_rng(0)
    accuracies, errors = [], []
    for _ in range(300):
        shares = np.repeat(rng.beta(2, 1, places * scenes), clips)  # of each place
        predicted = (features.labels + (rng.random(len(shares)) > shares)) % scenes
        found = measure_logits(np.eye(scenes, dtype=np.float32)[predicted], features, ["a"])
        accuracies.append(found.accuracy)
        errors.append(found.standard_error)
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(accuracies), rel=0.15)


def test_one_place_a_scene_gives_no_error() -> None:
    features = places_of(clips=10, places=1, scenes=3)
    found = measure_logits(np.eye(3, dtype=np.float32)[features.labels], features, ["a"])
    assert found.accuracy == 1 and found.standard_error is None
