"""Odd values, keys and shapes anywhere in any record: it is refused in one line, or written and read back as the same record."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwasc.dcase.rules import EXAMPLE, About
from hwasc.ensemble.summary import EnsembleSummary
from hwasc.errors import DataError, UsageError
from hwasc.nas.result import _Index
from hwasc.nas.trial import Refined, Trial
from hwasc.records import architecture, bundled, schema
from hwasc.records.architecture import Architecture, ArchitectureFile
from hwasc.records.budget import Budget
from hwasc.records.presets import cp_mobile
from hwasc.records.run import open_run, read_config
from hwasc.records.settings import Settings
from hwasc.records.space import SearchSpace
from hwasc.records.training_clips import TrainingClips
from hwasc.students.evaluation import Evaluation
from hwasc.students.result import DistillResult
from tests.records.trees import damaged, example

FEW = settings(max_examples=50, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


def settings_tree() -> Any:
    return schema.plain(
        Settings.load(
            {
                "teachers": [
                    {
                        "name": "wide",
                        "family": "crnn",
                        "front_end": {"mels": 48, "frames": 12},
                        "weights": {"file": "a.pt", "rename": {"a": None}},
                    },
                    {"name": "beats", "logits": "b.csv"},
                ],
                "distill.augment": {"gain": 0.0},
            }
        )
    )


def of_type(cls: Any, **more: Any) -> Any:
    return schema.plain(schema.parse(cls, {**example(cls), **more}, "example"))


def as_parsed(cls: type) -> Callable[[Any, str], Any]:
    return lambda values, where: schema.parse(cls, values, where)


A = schema.plain(cp_mobile())
RECORDS: dict[str, tuple[Any, Callable[[Any, str], Any]]] = {
    "architecture": (A, as_parsed(Architecture)),
    "architecture file": (
        {
            "architecture": A,
            "provenance": {"classes": ["a", "b"], "budget": "x"},
            "weights": {"file": "a", "sha256": "0", "dataset": "d", "by": "slice"},
        },
        as_parsed(ArchitectureFile),
    ),
    "budget": (schema.read_yaml(bundled.find("budgets", "nrf52840"), "budget"), as_parsed(Budget)),
    "space": (schema.read_yaml(bundled.find("search_spaces", "small"), "space"), as_parsed(SearchSpace)),
    "settings": (settings_tree(), lambda values, where: Settings.load(values)),
    "trial": (of_type(Trial), as_parsed(Trial)),
    "refined": (of_type(Refined, architecture=A), as_parsed(Refined)),
    "search result": (of_type(_Index), as_parsed(_Index)),
    "ensemble": (of_type(EnsembleSummary), EnsembleSummary.from_json),
    "evaluation": (of_type(Evaluation), Evaluation.from_json),
    "distillation": (schema.parse(DistillResult, example(DistillResult), "example").to_json(), DistillResult.from_json),
    "clips": (of_type(TrainingClips), TrainingClips.from_json),
    "about": (schema.parse_yaml(EXAMPLE), as_parsed(About)),
}  # fmt: skip


def written(record: Any) -> Any:
    """A record's JSON, as it is read again."""
    values = record.to_json() if hasattr(record, "to_json") else schema.plain(record)
    if isinstance(record, ArchitectureFile):
        del values["path"]
    return schema.parse_json(json.dumps(values, allow_nan=False), "again")


@pytest.mark.parametrize("name", RECORDS)
def test_is_refused_in_a_line_or_read_back(name: str) -> None:
    values, read = RECORDS[name]
    assert read(written(read(values, "v")), "again") == read(values, "v"), "the example is valid"
    refused = []

    @FEW
    @given(damaged(values))
    def check(changed: Any) -> None:
        try:
            record = read(changed, "file.json")
        except (UsageError, DataError) as e:
            line = str(e)
            assert "\n" not in line and 10 < len(line) < 3000 and "unexpected" not in line
            refused.append(line)
            return
        assert read(written(record), "again") == record

    check()
    assert len(refused) > 10, "the strategy does find what is refused"


@FEW
@given(st.data())
def test_a_search_space_that_is_read_gives_architectures_or_a_line(data: st.DataObject) -> None:
    values, read = RECORDS["space"]
    try:
        space = read(data.draw(damaged(values)), "space.yaml")
        points = [{name: choices[i] for name, choices in space.choices().items()} for i in (0, -1)]
        for point in points:
            space.violations(point)
            space.architecture(point, 10)
    except UsageError as e:
        assert "\n" not in str(e)


@FEW
@given(damaged({"verb": "distill", "settings": {"seed": 0, "data": {"seconds": 1.0}}}))
def test_a_run_folder_with_any_configuration_is_resumed_or_refused(values: Any) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            (folder / "config.yaml").write_text(json.dumps(values, default=str))
            (folder / "environment.json").write_text("{}")
        except (TypeError, UnicodeEncodeError):
            return  # not to be written in the first place
        try:
            open_run(folder, {"verb": "distill", "settings": {"seed": 0, "data": {"seconds": 1.0}}})
            assert read_config(folder)["verb"] == "distill"
        except UsageError as e:
            assert "\n" not in str(e) and "config" in str(e)


TEXTS = [
    "[b", "!!int x", "2001-99-99", "&a [*a]", "*x", "1e999", ".nan", "9" * 5000, "[/x]", "{<<: {a: 1}}", "'", "\t", "{1: 2}",
    "? x", "- a", "|\n x", "\0", "\ud800", "true", "{a: 1, a: 2}", "[" * 9000, "", "@x", "%x", "{self: 1}", "1:30", "=", "{?}",
]  # fmt: skip
NAMES = [
    "seed", "data", "data.seconds", "distill.train.epochs", "teachers.mels", "teachers.members", "augment.noise_snr", "",
    "..", "a." * 50_000, "__class__", "self", "distill.augment", "search.strategy", "teachers", "seed.real",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=lambda n: n[:12])
def test_any_set_is_taken_or_refused_in_a_line(name: str) -> None:
    for text in TEXTS:
        try:
            s = Settings.load(None, [f"{name}={text}"])
            assert Settings.load(written(s)) == s
        except UsageError as e:
            assert "\n" not in str(e) and len(str(e)) < 1000
    for given_as in ({name: 1e999}, {name: {1: 2}}, {name: {"__class__": []}}):
        with pytest.raises(UsageError):
            Settings.load(given_as)


@pytest.mark.parametrize(
    "text", ["a=[b", "a=!!int x", "seed=1e999", "seed=.nan", "seed=true", "seed='1'", "seed=" + "9" * 5000]
)
def test_the_line_names_what_was_set(text: str) -> None:
    with pytest.raises(UsageError, match="--set"):
        Settings.load(None, [text])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("limits.flash.max", float("nan")),
        ("limits.flash.max", True),
        ("limits.flash.max", "0%"),
        ("limits.flash.max", "1e3%"),
        ("limits.flash.max", 10**19),
        ("chip.clock_mhz", float("nan")),
        ("chip.clock_mhz", "64"),
        ("chip.ram", False),
        ("schema", 1.5),
    ],
)
def test_every_number_of_a_budget_is_a_number(key: str, value: object) -> None:
    values = json.loads(json.dumps(RECORDS["budget"][0]))
    *steps, last = key.split(".")
    inner = values
    for step in steps:
        inner = inner[step]
    inner[last] = value
    with pytest.raises(UsageError, match=rf"b\.yaml: {key.removesuffix('.max')}[.a-z]*: "):
        schema.parse(Budget, values, "b.yaml")


@pytest.mark.parametrize("classes", [3, {"a": 1}, [1, 2], "ab", [None]])
def test_class_names_in_a_provenance_are_names(tmp_path: Path, classes: object) -> None:
    (tmp_path / "best.json").write_text(json.dumps({"architecture": A, "provenance": {"classes": classes}}))
    with pytest.raises(UsageError, match=r"provenance\.classes: expected a list of names"):
        architecture.load(tmp_path / "best.json")
