"""Teachers with front ends of their own, with weights to start from, and from outside, through the whole of `teach`."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hwasc.ensemble.cross_fitting import held_out_logits, out_of_fold_logits, teach
from hwasc.ensemble.external import check_external, open_external
from hwasc.ensemble.fusion import fuse
from hwasc.ensemble.onnx_model import OnnxClassifier
from hwasc.ensemble.teacher_front_ends import teacher_spec
from hwasc.errors import DataError, HwascError, UsageError
from hwasc.models.teachers import TeacherSpec, build
from hwasc.records.front_end import FrontEnd
from hwasc.records.settings import Settings
from hwasc.training.weights import load_weights
from hwasc.workspace import Workspace, open_workspace

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def space(tiny_data: Path, tiny_cache: Path, tiny_settings: list[str]) -> Callable[..., Workspace]:
    tiny = [s for s in tiny_settings if s != "--set"]

    def opened(*overrides: str) -> Workspace:
        return open_workspace(tiny_data, Settings.load(None, [*tiny, *overrides]), cache=tiny_cache)

    return opened


def ids_of(ws: Workspace, *splits: str) -> list[str]:
    return [c.id for split in splits for c in getattr(ws.dataset, split)]


def write_logits(path: Path, ws: Workspace, ids: list[str], seed: int = 0) -> np.ndarray:
    """Logits that are right and sure of it, in a CSV with the columns reversed."""
    scene = {c.id: c.scene for split in ("train", "validation", "test") for c in getattr(ws.dataset, split)}
    classes = ws.dataset.classes
    logits = np.array([[5.0 * (scene[i] == c) for c in classes] for i in ids])
    logits += np.random.default_rng(seed).normal(0, 0.1, logits.shape)
    with path.open("w", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(["id", *classes[::-1]])
        writer.writerows([[i, *row[::-1]] for i, row in zip(ids, logits, strict=True)])
    return logits


def export(path: Path, ws: Workspace, clips: str | int = "clips", size: tuple[int, int] = (40, 17)) -> nn.Module:
    """A small linear model as ONNX, written by hand: no exporter needed."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    classes = len(ws.dataset.classes)
    weight = np.random.default_rng(1).normal(0, 0.1, (size[0] * size[1], classes)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("MatMul", ["f", "w"], ["y"])],
        "external",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [clips, 1, *size])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [clips, classes])],
        [numpy_helper.from_array(weight, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    model = nn.Sequential(nn.Flatten(), nn.Linear(size[0] * size[1], classes, bias=False))
    model[1].weight.data = torch.from_numpy(weight.T.copy())
    return model


def test_front_ends_by_family(space: Callable[..., Workspace]) -> None:
    ws = space("teachers.front_ends={crnn: {mels: 48, frames: 12}, patch_transformer: paper}")
    assert teacher_spec(ws, "crnn").front_end == FrontEnd.for_clip(48, 12)
    assert teacher_spec(ws, "patch_transformer").front_end == FrontEnd(
        n_fft=1024, window=800, hop=320, mels=128, frames=101, f_max=15_000.0
    )
    half = space("teachers.front_ends.crnn=paper", "data.seconds=0.5")
    assert (teacher_spec(half, "crnn").front_end.frames, teacher_spec(half, "crnn").front_end.samples) == (26, 22_050)
    assert teacher_spec(half, "patch_transformer").front_end == FrontEnd.for_clip(40, 17).lasting(0.5)
    long = space(
        "teachers.front_ends={crnn: {mels: 48, frames: 11, hop: 16000}}", "data.seconds=10", "teachers.frames=33"
    )
    found = [teacher_spec(long, family).front_end for family in ("crnn", "patch_transformer")]
    assert [(f.frames, f.hop) for f in found] == [(11, 16_000), (321, 1_000)]
    with pytest.raises(UsageError, match=r"teachers: crnn: window 3072 is longer than n_fft 512"):
        teacher_spec(space("teachers.front_ends.crnn.n_fft=512"), "crnn")
    with pytest.raises(UsageError, match=r"did you mean 'crnn'"):
        teacher_spec(ws, "crn")


def test_teachers_hear_through_their_own_front_ends(space: Callable[..., Workspace]) -> None:
    plain, ws = teach(space()), space("teachers.front_ends.crnn={mels: 48, frames: 12}")
    teachers = teach(ws)
    assert teachers.folders[0] != plain.folders[0] and teachers.folders[1] == plain.folders[1]
    assert teachers.train.shape == (40, 17)  # z1's
    logits = out_of_fold_logits(teachers, ws)
    row = int(np.flatnonzero(teachers.fold_of == 1)[0])
    model = build(teachers.specs[0], logits.shape[2])
    model.load_state_dict(load_weights(teachers.folders[0] / "fold1.safetensors"))
    own = ws.features(teachers.train.clips, teachers.specs[0].front_end, "train")
    with torch.no_grad():
        expected = model.eval()(own.batch(np.array([row]))).numpy()
    np.testing.assert_allclose(logits[row, :1], expected, rtol=1e-4, atol=1e-5)
    fused = fuse(ws)
    assert fused.key != fuse(space()).key and fused.front_end == FrontEnd.for_clip(40, 17)
    assert len(fused.table(ws.features(ws.dataset.validation, fused.front_end, "validation"), "validation")) == 7


def test_pretrained_weights_are_where_training_starts(space: Callable[..., Workspace], tmp_path: Path) -> None:
    spec, path = TeacherSpec("crnn", 0, FrontEnd.for_clip(40, 17)), tmp_path / "crnn.pt"
    torch.manual_seed(5)
    torch.save({f"net.{n}": t for n, t in build(spec, 3).state_dict().items()}, path)
    given = [f"teachers.pretrained.crnn={{file: '{path}', rename: {{'^net\\.': ''}}}}"]
    ws = space(*given, "teachers.train.lr=1e-9")  # it hardly moves, so that the start is seen in the end
    teachers, fresh = teach(ws), teach(space("teachers.train.lr=1e-9"))
    assert teachers.folders[0] != fresh.folders[0] and teachers.folders[1] == fresh.folders[1]
    weights = load_weights(teachers.folders[0] / "fold0.safetensors")
    torch.testing.assert_close(weights["gru.weight_hh_l0"], torch.load(path)["net.gru.weight_hh_l0"], rtol=0, atol=1e-5)
    assert not torch.allclose(
        load_weights(fresh.folders[0] / "fold0.safetensors")["gru.weight_hh_l0"], weights["gru.weight_hh_l0"], atol=1e-3
    )
    assert weights["head.weight"].shape[0] == len(ws.dataset.classes)
    torch.save({"net.more": torch.ones(1)}, path)
    with pytest.raises(DataError, match="missing there"):
        teach(space(*given))


def test_a_teacher_is_the_same_whatever_others_there_are(
    tiny_data: Path, tiny_settings: list[str], tmp_path: Path
) -> None:
    tiny = [s for s in tiny_settings if s != "--set"]

    def crnn(*families: str) -> dict[str, torch.Tensor]:
        settings = Settings.load(None, [*tiny, f"teachers.families=[{','.join(families)}]"])
        teachers = teach(open_workspace(tiny_data, settings, cache=tmp_path / families[0]))
        return load_weights(teachers.folders[families.index("crnn")] / "fold1.safetensors")

    one, other = crnn("crnn", "patch_transformer"), crnn("patch_transformer", "crnn")
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_weights_that_teach_keeps_start_other_teachers(
    space: Callable[..., Workspace], hwasc: Run, tmp_path: Path
) -> None:
    status, _, err = hwasc("teach", "--weights", tmp_path / "start", tiny=True)
    assert status == 0, err
    assert sorted(p.name for p in (tmp_path / "start").iterdir()) == [
        "crnn.clips.json",
        "crnn.safetensors",
        "patch_transformer.clips.json",
        "patch_transformer.safetensors",
    ]
    saved, first = load_weights(tmp_path / "start/crnn.safetensors"), teach(space())
    trained = load_weights(first.folders[0] / "fold0.safetensors")
    assert all(torch.equal(saved[name], tensor) for name, tensor in trained.items())
    later = teach(space(f"teachers.pretrained.crnn={tmp_path / 'start/crnn.safetensors'}", "teachers.train.lr=1e-9"))
    weights = load_weights(later.folders[0] / "fold1.safetensors")
    torch.testing.assert_close(weights["gru.weight_hh_l0"], trained["gru.weight_hh_l0"], rtol=0, atol=1e-5)


def test_logits_and_models_from_outside_join_the_fusion(
    space: Callable[..., Workspace], hwasc: Run, tmp_path: Path
) -> None:
    ws = space()
    table, onnx_path = tmp_path / "sure.csv", tmp_path / "linear.onnx"
    ids = ids_of(ws, "train", "validation")
    logits = write_logits(table, ws, ids)
    model = export(onnx_path, ws)
    external = (
        f"teachers.external=[{{name: sure, logits: '{table}'}}, "
        f"{{name: linear, model: '{onnx_path}', mels: 40, frames: 17}}]"
    )
    ws = space(external)
    teachers = teach(ws)
    assert teachers.names == ("crnn", "patch_transformer", "sure", "linear")
    rows = [ids.index(c.id) for c in teachers.train.clips]
    by_fold = held_out_logits(teachers, ws, teachers.train, "train")
    for found in (out_of_fold_logits(teachers, ws), *(by_fold[:, fold] for fold in range(teachers.folds))):
        np.testing.assert_allclose(found[:, 2], logits[rows], rtol=1e-6, atol=1e-6)
        expected = model(teachers.train.batch(np.arange(len(rows)))).detach().numpy()
        np.testing.assert_allclose(found[:, 3], expected, rtol=1e-4, atol=1e-4)
    out = tmp_path / "teachers.json"
    status, printed, err = hwasc("teach", "--set", external, "--out", out, tiny=True)
    assert status == 0, err
    result = json.loads(out.read_text())
    assert [r["name"] for r in result["fusion"]] == [*teachers.names, "weighted mean", "mean", "z1", "z2", "z1+z2"]
    left = {r["name"]: r for r in result["leave_one_out"]}
    assert left["sure"]["helps"] and left["sure"]["log_loss_gain"] > 0.1
    lines = printed.splitlines()
    assert re.split(r"\s{2,}", lines[0].strip()) == ["teacher", "front end", "receptive field", "parameters", "MACs"]
    assert (
        lines[1].startswith("crnn ")
        and "40x17, window 3072, hop 2000, 32000 Hz" in lines[1]
        and "38x16 and" in lines[1]
    )
    assert "from " + str(table) in printed and "mean logit without" in printed
    assert ("no worse without" in printed) == any(not r["helps"] for r in result["leave_one_out"])
    status, printed, _ = hwasc("teach", "--set", external, "--json", tiny=True)
    assert json.loads(printed) == {k: v for k, v in result.items() if k != "environment"}
    logits_before = open_external(ws)[0].key
    write_logits(table, ws, ids, seed=1)
    assert open_external(ws)[0].key != logits_before


def test_missing_logits_are_counted_before_any_training(
    space: Callable[..., Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hwasc.ensemble.cross_fitting._train", lambda job: pytest.fail("trained"))
    ws, table = space(), tmp_path / "some.csv"
    setting = f"teachers.external=[{{name: some, logits: '{table}'}}]"
    train, ids = ids_of(ws, "train"), ids_of(ws, "train", "validation")
    write_logits(table, ws, [i for i in ids if i not in train[2:5]])
    with pytest.raises(DataError, match=rf"3 of {len(train)} train clips have no logits, first {train[2]}, "):
        teach(space(setting))
    write_logits(table, ws, train)
    with pytest.raises(DataError, match=f"of {len(ws.dataset.validation)} validation clips have no logits"):
        teach(space(setting))
    write_logits(table, ws, ids)
    with pytest.raises(DataError, match="90 of 90 test clips"):
        check_external(open_external(space(setting)), ws, ws.dataset.test, "test")


def test_models_that_do_not_fit_are_refused_in_a_line(space: Callable[..., Workspace], tmp_path: Path) -> None:
    ws, path = space(), tmp_path / "m.onnx"

    def teaching(name: str = "m.onnx", more: str = "mels: 40, frames: 17") -> str:
        with pytest.raises(HwascError) as e:
            teach(space(f"teachers.external=[{{name: m, model: '{tmp_path / name}', {more}}}]"))
        assert "\n" not in str(e.value)
        return str(e.value)

    for name in ("m.pt2", "m.pt", "m.pth"):
        (tmp_path / name).write_bytes(b"x")
        assert "may contain code that runs when it is loaded" in teaching(name) and "ONNX" in teaching(name)
    assert "there is no such model" in teaching()
    path.write_bytes(b"garbage")
    assert "no model that ONNX Runtime can open" in teaching()
    export(path, ws, size=(40, 20))
    assert "takes [1, 40, 20], but its front end gives [1, 40, 17]" in teaching()
    export(path, ws, clips=7)
    assert "takes 7 clips at once" in teaching()
    export(path, ws)
    assert "do not fit into" in teaching(more="mels: 40, frames: 17, hop: 20000")


def test_a_model_of_one_clip_at_a_time_and_one_that_names_its_classes(
    space: Callable[..., Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnx

    ws, path = space(), tmp_path / "m.onnx"
    expected = export(path, ws, clips=1)
    proto = onnx.load(path)
    entry = proto.metadata_props.add()
    entry.key, entry.value = "classes", json.dumps(ws.dataset.classes[::-1])
    onnx.save(proto, path)
    features = ws.features(ws.dataset.validation, teacher_spec(ws, "crnn").front_end, "validation")
    found = OnnxClassifier(path, ws.dataset.classes).predict(features)
    x = features.batch(np.arange(len(features)))
    np.testing.assert_allclose(found[:, ::-1], expected(x).detach().numpy(), rtol=1e-4, atol=1e-4)
    with pytest.raises(DataError, match="is for the classes"):
        OnnxClassifier(path, ("a", "b"))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UsageError, match="ONNX Runtime is needed to run it; pip install onnxruntime"):
        OnnxClassifier(path, ws.dataset.classes)


def test_teachers_from_outside_alone(space: Callable[..., Workspace], tmp_path: Path) -> None:
    ws = space()
    for seed, name in enumerate("ab"):
        write_logits(tmp_path / f"{name}.csv", ws, ids_of(ws, "train", "validation"), seed)
    both = ", ".join(f"{{name: {n}, logits: '{tmp_path / n}.csv'}}" for n in "ab")
    fused = fuse(space("teachers.families=[]", f"teachers.external=[{both}]"))
    table = fused.table(ws.features(ws.dataset.validation, fused.front_end, "validation"), "validation")
    assert [r.name for r in table][:2] == ["a", "b"] and all(r.accuracy == 1 for r in table)
