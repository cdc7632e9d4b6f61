"""The model card: the hub reads its block, its figures are the result's, and nothing in it is invented or leads home."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from hwasc.cost import measure
from hwasc.ensemble.teacher_summary import PretrainedStart, TeacherSummary
from hwasc.records.measured_clips import MeasuredClips
from hwasc.records.presets import PRESETS
from hwasc.report.model_card import model_card
from hwasc.students.result import (
    DistillResult,
    OnnxFile,
    TestMetrics,
    TfliteFile,
    ValidationAccuracy,
    WeightsSource,
)
from hwasc.training.metrics import Metrics

CLASSES = ("bus", "park | lake", "street")
PROVENANCE = {
    "budget": "dcase2024",
    "limits": {"macs.torchinfo": {"limit": 30_000_000, "slack": 1_000_000}, "odd": "no limit"},
    "command": "hwasc search --data /home/someone/scenes",
}


def metrics(confusion: list[list[int]]) -> Metrics:
    share = {c: row[i] / sum(row) for i, (c, row) in enumerate(zip(CLASSES, confusion, strict=True))}
    return Metrics(
        clips=sum(map(sum, confusion)), accuracy=sum(share.values()) / 3, log_loss=0.9, ece=0.04, by_location=0.75, locations=12,
        per_class=share, per_device={"a": 0.8, "s1": 0.5}, groups={"seen": 0.8, "unseen": 0.5}, confusion=confusion,
        standard_error=0.03,
    )  # fmt: skip


def result(**changes: Any) -> DistillResult:
    a = PRESETS["dcase2024_baseline"](len(CLASSES))
    test = TestMetrics(
        float=metrics([[90, 10, 0], [20, 80, 0], [0, 30, 70]]), int8=metrics([[88, 12, 0], [20, 80, 0], [0, 40, 60]])
    )
    teachers = [
        TeacherSummary(name="crnn", kind="family", source="crnn"),
        TeacherSummary(
            name="heard",
            kind="family",
            source="passt",
            pretrained=PretrainedStart(file="/home/someone/passt.pt", hash="1", rename={}),
        ),
        TeacherSummary(name="net", kind="model", source="/home/someone/net.onnx"),
    ]
    values: dict[str, Any] = {
        "run": Path("/home/someone/runs/distill"), "id": a.id, "architecture": a.text(), "costs": measure(a), "classes": CLASSES,
        "data": "/home/someone/my_scenes", "dataset": "1", "alpha": 0.7, "seed": 3, "student_seed": 3, "fusion": [],
        "measured": MeasuredClips(
            data="/home/someone/my_scenes", folder="/home/someone/my_scenes", dataset="2", split="test", drawn="seed 0",
            clips=300, locations=12, missing=(), left_out=0, left_out_locations=0, training=500, validation=90,
        ),
        "initial_weights": WeightsSource(source="slice"), "validation": ValidationAccuracy(float=0.8, int8=0.79), "test": test,
        "teachers": teachers, "leave_one_out": [], "mixing": {}, "losses": {"float": [1.0], "qat": []},
        "onnx": OnnxFile(agreement=1.0, clips=300, accuracy=0.76, file="student.onnx", sha256="3"),
        "tflite": TfliteFile(file="student.tflite", bytes=123_456, sha256="4"),
        "environment": {"command": "hwasc distill --data /home/someone/my_scenes", "packages": {"torch": "2"}},
    }  # fmt: skip
    return DistillResult(**{**values, **changes})


def block(card: str) -> Any:
    found = re.match(r"---\n(.*?)^---\n", card, re.DOTALL | re.MULTILINE)
    assert found
    return yaml.safe_load(found[1])


def test_the_hub_reads_the_block() -> None:
    card = model_card(result(), PROVENANCE)
    data = block(card)
    assert data["license"] == "unknown" and data["library_name"] == "hwasc"
    assert data["pipeline_tag"] == "audio-classification" and data["metrics"] == ["accuracy"]
    (model,) = data["model-index"]
    (measured,) = model["results"]
    assert measured["dataset"] == {"name": "my_scenes", "type": "my-scenes", "split": "test"}
    assert {m["type"]: m["value"] for m in measured["metrics"]}["accuracy"] == 0.76
    hub = pytest.importorskip("huggingface_hub")
    read = hub.ModelCard(card).data
    assert (read.eval_results[0].metric_type, read.eval_results[0].metric_value) == ("accuracy", 0.76)
    assert (read.license, read.pipeline_tag, read.library_name) == ("unknown", "audio-classification", "hwasc")


def test_figures_have_their_errors() -> None:
    card = model_card(result(), PROVENANCE)
    places = math.sqrt(0.75 * 0.25 / 12)
    assert f"| int8 | 76.0 % ± 3.0 | 0.900 | 0.040 | 75.0 % ± {100 * places:.1f} |" in card
    assert f"| `bus` | 100 | 88.0 % ± {100 * math.sqrt(0.88 * 0.12 / 100):.1f} |" in card
    assert "`park \\| lake` | 100 | 80.0 % ±" in card and "| `s1` | 50.0 % |" in card
    assert "| `macs.torchinfo` | 29,000,000 | 30,000,000 |" in card and "`dcase2024`" in card and "no limit" not in card
    assert "500 recordings" in card and "300 clips of 12 locations" in card and "123,456 B" in card


def test_rows_have_as_many_cells_as_their_table() -> None:
    lines = model_card(result(), PROVENANCE).splitlines()
    tables = [[line for line in lines[i:]] for i, line in enumerate(lines) if line.startswith("| ---")]
    assert len(tables) >= 4
    for rows in tables:
        width = rows[0].count("|")
        for row in rows:
            if not row.startswith("|"):
                break
            assert row.replace("\\|", "").count("|") == width, row


def test_nothing_leads_home_and_licences_are_not_invented() -> None:
    card = model_card(result(), PROVENANCE)
    assert "someone" not in card and "/home" not in card
    licence = card[card.index("## Licence") :]
    assert "unknown" in licence and "`net.onnx`, `passt.pt`" in licence
    assert "simulated" not in card
    simulated = model_card(result(data="synthetic", teachers=[]))
    assert "simulated scenes" in simulated and "Trained on labels alone" in simulated
    assert "budget" not in simulated


def test_a_student_that_was_not_trained_is_called_so() -> None:
    card = model_card(result(teachers=[], losses={"float": [], "qat": []}))
    assert "Quantized and calibrated, without training" in card


def test_odd_names_stay_text() -> None:
    odd = "x\n---\nlicense: mit\n`<b>"
    base = result()
    names = (odd, *CLASSES[1:])
    q = replace(base.test.int8, per_class={odd: 0.88, CLASSES[1]: 0.8, CLASSES[2]: 0.6})
    card = model_card(replace(base, classes=names, data=odd, test=replace(base.test, int8=q)))
    data = block(card)
    assert data["license"] == "unknown" and "license: mit" not in card.split("\n")
    assert "`x --- license: mit '<b>`" in card
    assert yaml.safe_load(card.split("---\n")[1])["pipeline_tag"] == "audio-classification"
