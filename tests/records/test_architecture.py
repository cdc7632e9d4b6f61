"""The architecture record: round trips, identity, mistakes listed at once."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwasc.cost.graph import build
from hwasc.cost.limits import resolve
from hwasc.cost.measure import measure
from hwasc.errors import UsageError
from hwasc.records import architecture as A
from hwasc.records import schema
from hwasc.records.blocks import GRN, InvertedResidual
from hwasc.records.budget import Budget
from hwasc.records.presets import PRESETS, cp_mobile, dcase2024_baseline, make_divisible

grns = st.one_of(
    st.none(),
    st.builds(
        GRN,
        st.sampled_from(["scalar", "channel"]),
        st.sampled_from(["sum", "expanded"]),
        st.sampled_from(["mean", "l2"]),
    ),
)


@st.composite
def architectures(draw: st.DrawFn) -> A.Architecture:
    stem = (draw(st.integers(1, 9)), draw(st.integers(1, 24)))
    channels, blocks = stem[1], []
    for _ in range(draw(st.integers(0, 4))):
        width = draw(st.sampled_from([channels, draw(st.integers(1, 40))]))
        stride = draw(st.sampled_from([(1, 1), (2, 2), (1, 2), (2, 1)]))
        shortcut = width == channels and draw(st.booleans())
        blocks.append(
            InvertedResidual(
                draw(st.sampled_from([1, 3, 5])), draw(st.integers(1, 50)), width, stride, shortcut, draw(grns)
            )
        )
        channels = width
    front_end = A.FrontEnd.for_clip(draw(st.integers(16, 128)), draw(st.integers(9, 65)))
    padding = draw(st.sampled_from(["same", "torch"]))
    return A.Architecture(front_end, stem, tuple(blocks), draw(st.integers(2, 50)), padding=padding)


@settings(max_examples=60, deadline=None)
@given(architectures())
def test_what_is_written_is_read_back(a: A.Architecture) -> None:
    again = schema.parse(A.Architecture, json.loads(schema.canonical(a)), "text")
    assert again == a and again.id == a.id
    assert [A.Block.from_text(str(b)) for b in a.blocks] == list(a.blocks)


def test_file_round_trip_keeps_provenance(tmp_path: Path) -> None:
    a = cp_mobile()
    A.save(tmp_path / "best.json", a, {"budget": "dcase2024"})
    record = A.load(tmp_path / "best.json")
    assert record.architecture == a and record.id == a.id and record.provenance == {"budget": "dcase2024"}
    assert [p.name for p in tmp_path.iterdir()] == ["best.json"]


def test_every_mistake_is_listed_with_its_neighbour() -> None:
    data = schema.plain(cp_mobile())
    data["front_end"]["mel"] = 3
    data["front_end"]["n_fft"] = "many"
    data["blocks"][1]["kernl"] = 3
    with pytest.raises(UsageError) as e:
        schema.parse(A.Architecture, data, "best.json")
    text = str(e.value)
    assert text.startswith("best.json: ") and "\n" not in text
    assert "unknown key 'front_end.mel', did you mean 'mels'?" in text
    assert "front_end.n_fft" in text and "found 'many'" in text
    assert "unknown key 'blocks.1.kernl', did you mean 'kernel'?" in text


@pytest.mark.parametrize(
    "change",
    [
        {"classes": 1},
        {"stem": (0, 8)},
        {"blocks": (InvertedResidual(3, 8, 9, shortcut=True),)},
        {"stem_strides": ((2, 2), (3, 1))},
    ],
)
def test_impossible_architectures_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        dataclasses.replace(dcase2024_baseline(), **change)


@pytest.mark.parametrize(
    "change",
    [{"window": 5000}, {"frames": 66}, {"f_max": 17_000.0}, {"std": 0.0}, {"mels": 0}],
)
def test_impossible_front_ends_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        dataclasses.replace(A.FrontEnd(), **change)


def test_a_changed_file_with_an_old_id_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "best.json"
    A.save(path, cp_mobile())
    data = json.loads(path.read_text())
    data["architecture"]["stem"] = [4, 32]
    path.write_text(json.dumps(data))
    with pytest.raises(UsageError, match="does not fit"):
        A.load(path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}', '{"architecture": {"stem": [1, 2]}, "schema": 1}'])
def test_broken_files_say_what_and_where(tmp_path: Path, text: str) -> None:
    path = tmp_path / "best.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"best\.json"):
        A.load(path)


def test_make_divisible_is_mobilenets_rule() -> None:
    assert [make_divisible(v) for v in (1, 67.2, 73.6, 100, 11, 12)] == [8, 64, 72, 104, 16, 16]
    assert all(make_divisible(v) >= 0.9 * v for v in range(1, 500))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stem": (8, 60_000), "blocks": (InvertedResidual(3, 60_000, 8),)}, "weights, no microcontroller's net"),
        ({"stem": (65_536, 8), "blocks": ()}, "numbers in its largest map, no microcontroller's net"),
        ({"stem": (3_300, 3_300), "blocks": ()}, "MACs of a clip, no microcontroller's net"),
        ({"stem": (8, 10**12), "blocks": ()}, "stem.1: expected 1 to 65,536 channels"),
        ({"blocks": (InvertedResidual(1001, 8, 8),)}, "blocks.0.depthwise: expected a kernel of 1 to 255"),
        ({"blocks": (InvertedResidual(3, 8, 32),) * 201}, "200 blocks"),
        ({"classes": 10**9}, "10,000 classes"),
    ],
)
def test_nets_that_no_microcontroller_holds_are_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        dataclasses.replace(dcase2024_baseline(), **change)


@pytest.mark.parametrize(
    "change",
    [
        {"seconds": float("nan")},
        {"seconds": float("inf")},
        {"seconds": 0.0},
        {"seconds": 1e300},
        {"sample_rate": 10**9, "seconds": 1e-6},
        {"n_fft": 1 << 24},
        {"mels": 10**6},
        {"mean": float("nan")},
        {"std": float("inf")},
        {"f_max": float("nan")},
    ],
)
def test_front_ends_beyond_any_sound_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        dataclasses.replace(A.FrontEnd(), **change)


@pytest.mark.parametrize("a", [dcase2024_baseline(), cp_mobile(), cp_mobile(grn="none", base=16)])
def test_the_size_is_that_of_the_deployment_graph(a: A.Architecture) -> None:
    graph = build(a)
    convolutions = [op for op in graph.operators if op.kind in ("conv", "depthwise")]
    assert a.size.weights == sum(op.weights for op in convolutions)
    assert a.size.macs == sum(op.macs for op in convolutions)
    assert a.size.cells == max(math.prod(graph.tensors[op.output]) for op in convolutions)


def test_files_from_before_the_front_end_had_all_its_parts_keep_their_ids() -> None:
    file = Path(__file__).parents[2] / "experiments" / "city_scenes" / "student.json"
    record = A.load(file)
    written = json.loads(file.read_text())
    assert (
        record.id == written["id"] == record.architecture.id and "mel_scale" not in written["architecture"]["front_end"]
    )
    other = dataclasses.replace(record.architecture.front_end, mel_scale="htk")
    assert dataclasses.replace(record.architecture, front_end=other).id != record.id


@pytest.mark.parametrize(("name", "parameters", "macs"), [("edp_60k", 60_000, 30e6), ("edp_31k", 31_260, 28.64e6)])
def test_students_of_the_papers_size_are_within_a_tenth_and_the_budget(name: str, parameters: int, macs: float) -> None:
    a = PRESETS[name]()
    costs = measure(a)
    assert f"{costs.parameters:,} parameters and {costs.macs.torchinfo:,} MACs" in str(PRESETS[name].__doc__)
    assert abs(costs.parameters / parameters - 1) < 0.1 and abs(costs.macs.torchinfo / macs - 1) < 0.1
    assert (a.front_end.mels, a.front_end.frames) == (256, 64) and all(b.grn for b in a.blocks)
    assert resolve(Budget.load("dcase2024")).feasible(costs)
    channels = a.stem[1]
    for block in a.blocks:
        assert block.shortcut == (block.channels == channels and block.stride == (1, 1))
        channels = block.channels
    assert a.padding == "same" and PRESETS[name](classes=3).classes == 3
