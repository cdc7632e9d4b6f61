"""Teachers with front ends of their own, with weights to start from, and from outside, through the whole of `teach`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from hwasc.ensemble.cross_fitting import Teachers, check_teachers, held_out_logits, out_of_fold_logits, teach
from hwasc.ensemble.family_teacher import FamilyTeacher
from hwasc.ensemble.fusion import fuse
from hwasc.ensemble.kinds import open_teacher
from hwasc.ensemble.onnx_model import OnnxClassifier
from hwasc.ensemble.teacher import Folds, Teacher
from hwasc.ensemble.teacher_front_ends import member_front_end, teacher_front_end
from hwasc.errors import DataError, HwascError, UsageError
from hwasc.models.teachers import TeacherSpec, build
from hwasc.records.front_end import FrontEnd
from hwasc.records.settings import Settings
from hwasc.records.teacher_settings import FUSED, PAPER
from hwasc.training.weights import load_weights
from hwasc.workspace import Workspace, open_workspace
from tests.ensemble.given_teachers import export, ids_of, write_logits

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def space(tiny_data: Path, tiny_cache: Path, tiny_settings: list[str]) -> Callable[..., Workspace]:
    tiny = [s for s in tiny_settings if s != "--set"]

    def opened(*overrides: str) -> Workspace:
        return open_workspace(tiny_data, Settings.load(None, [*tiny, *overrides]), cache=tiny_cache)

    return opened


CRNN = "{name: crnn, family: crnn, "


def opened(ws: Workspace) -> list[Teacher]:
    """All members, opened but not trained."""
    folds = Folds(ws)
    return [open_teacher(member, folds) for member in ws.settings.teachers.members]


def of_family(teachers: Teachers, k: int) -> FamilyTeacher:
    """One of the teachers, which is of a family."""
    teacher = teachers.members[k]
    assert isinstance(teacher, FamilyTeacher)
    return teacher


def test_front_ends_of_members(space: Callable[..., Workspace]) -> None:
    def front_ends(member: str, *more: str) -> FrontEnd:
        ws = space(f"teachers=[{member}, patch_transformer]", *more)
        return member_front_end(ws, ws.settings.teachers.members[0])

    assert front_ends(CRNN + "front_end: {mels: 48, frames: 12}}") == FrontEnd.for_clip(48, 12)
    paper = "{name: a, family: patch_transformer, front_end: paper}"
    assert front_ends(paper) == FrontEnd(n_fft=1024, window=800, hop=320, mels=128, frames=101, f_max=15_000.0)
    half = front_ends(CRNN + "front_end: paper}", "data.seconds=0.5")
    assert (half.frames, half.samples) == (26, 22_050)
    assert front_ends("crnn", "data.seconds=0.5") == FrontEnd.for_clip(40, 17).lasting(0.5)
    long = ["data.seconds=10", "teachers.frames=33"]
    found = [front_ends(m, *long) for m in (CRNN + "front_end: {mels: 48, frames: 11, hop: 16000}}", "crnn")]
    assert [(f.frames, f.hop) for f in found] == [(11, 16_000), (321, 1_000)]
    stated = front_ends(CRNN + "front_end: {mel_scale: htk, area_norm: false, power: 1, edges: reflect}}")
    assert (stated.mel_scale, stated.area_norm, stated.power, stated.edges) == ("htk", False, 1, "reflect")
    with pytest.raises(UsageError, match=r"teacher crnn: window 3072 is longer than n_fft 512"):
        front_ends(CRNN + "front_end: {n_fft: 512}}")


def test_teachers_process_the_clips_through_their_own_front_ends(space: Callable[..., Workspace]) -> None:
    plain, ws = teach(space()), space(f"teachers=[{CRNN}front_end: {{mels: 48, frames: 12}}}}, patch_transformer]")
    teachers = teach(ws)
    assert teachers.keys[0] != plain.keys[0] and teachers.keys[1] == plain.keys[1]
    assert teachers.train.shape == (40, 17)  # z1's
    logits = out_of_fold_logits(teachers)
    row = int(np.flatnonzero(teachers.folds.of == 1)[0])
    crnn = of_family(teachers, 0)
    own = ws.features(teachers.train.clips, crnn.spec.front_end, "train")
    with torch.no_grad():
        expected = crnn.net(1).eval()(own.batch(np.array([row]))).numpy()
    np.testing.assert_allclose(logits[row, :1], expected, rtol=1e-4, atol=1e-5)
    fused = fuse(ws)
    assert fused.key != fuse(space()).key and fused.front_end == FrontEnd.for_clip(40, 17)
    assert len(fused.table(ws.features(ws.dataset.validation, fused.front_end, "validation"), "validation")) == 2 + len(
        FUSED
    )


def test_several_of_one_family(space: Callable[..., Workspace]) -> None:
    names = ("crnn", "again", "wide", "seeded", "longer")
    more = ", ".join(
        f"{{name: {name}, family: crnn{setting}}}"
        for name, setting in zip(names[1:], ("", ", width: 8", ", seed: 5", ", train: {epochs: 2}"), strict=True)
    )
    teachers = teach(space(f"teachers=[crnn, {more}]"))
    assert teachers.names == names and len(set(teachers.keys)) == len(names)
    assert [of_family(teachers, k).spec.width for k in (0, 2)] == [16, 8]
    logits = out_of_fold_logits(teachers)
    apart = [np.abs(logits[:, i] - logits[:, j]).max() for i in range(5) for j in range(i)]
    assert min(apart) > 1e-3, "no two are the same net"
    other = teach(space("teachers=[{name: b, family: crnn, seed: 5}, crnn]", "seed=0"))
    weights = [load_weights(of_family(t, k).weights(0)) for t, k in ((teachers, 3), (other, 0))]
    assert all(torch.equal(weights[0][n], weights[1][n]) for n in weights[0]), "its own seed decides, not its name"


def test_pretrained_weights_are_where_training_starts(space: Callable[..., Workspace], tmp_path: Path) -> None:
    spec, path = TeacherSpec("crnn", 0, FrontEnd.for_clip(40, 17)), tmp_path / "crnn.pt"
    torch.manual_seed(5)
    torch.save({f"net.{n}": t for n, t in build(spec, 3).state_dict().items()}, path)
    given = [f"teachers=[{CRNN}weights: {{file: '{path}', rename: {{'^net\\.': ''}}}}}}, patch_transformer]"]
    ws = space(*given, "teachers.train.lr=1e-9")  # it hardly moves, so that the start is seen in the end
    teachers, fresh = teach(ws), teach(space("teachers.train.lr=1e-9"))
    assert teachers.keys[0] != fresh.keys[0] and teachers.keys[1] == fresh.keys[1]
    weights = load_weights(of_family(teachers, 0).weights(0))
    torch.testing.assert_close(weights["gru.weight_hh_l0"], torch.load(path)["net.gru.weight_hh_l0"], rtol=0, atol=1e-5)
    assert not torch.allclose(
        load_weights(of_family(fresh, 0).weights(0))["gru.weight_hh_l0"], weights["gru.weight_hh_l0"], atol=1e-3
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
        settings = Settings.load(None, [*tiny, f"teachers=[{','.join(families)}]"])
        teachers = teach(open_workspace(tiny_data, settings, cache=tmp_path / families[0]))
        return load_weights(of_family(teachers, families.index("crnn")).weights(1))

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
    trained = load_weights(of_family(first, 0).weights(0))
    assert all(torch.equal(saved[name], tensor) for name, tensor in trained.items())
    later = teach(
        space(
            f"teachers=[{CRNN}weights: '{tmp_path / 'start/crnn.safetensors'}'}}, patch_transformer]",
            "teachers.train.lr=1e-9",
        )
    )
    weights = load_weights(of_family(later, 0).weights(1))
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
        f"teachers=[crnn, patch_transformer, {{name: sure, logits: '{table}'}}, "
        f"{{name: linear, model: '{onnx_path}', front_end: {{mels: 40, frames: 17}}}}]"
    )
    ws = space(external)
    teachers = teach(ws)
    assert teachers.names == ("crnn", "patch_transformer", "sure", "linear")
    rows = [ids.index(c.id) for c in teachers.train.clips]
    by_fold = held_out_logits(teachers, teachers.train, "train")
    for found in (out_of_fold_logits(teachers), *(by_fold[:, fold] for fold in range(teachers.folds.count))):
        np.testing.assert_allclose(found[:, 2], logits[rows], rtol=1e-6, atol=1e-6)
        expected = model(teachers.train.batch(np.arange(len(rows)))).detach().numpy()
        np.testing.assert_allclose(found[:, 3], expected, rtol=1e-4, atol=1e-4)
    out = tmp_path / "teachers.json"
    status, printed, err = hwasc("teach", "--set", external, "--out", out, tiny=True)
    assert status == 0, err
    result = json.loads(out.read_text())
    assert [r["name"] for r in result["fusion"]] == [*teachers.names, *FUSED]
    left = {r["name"]: r for r in result["leave_one_out"]}
    assert left["sure"]["helps"] and left["sure"]["log_loss_gain"] > 0.1
    lines = printed.splitlines()
    assert re.split(r"\s{2,}", lines[0].strip()) == [
        "teacher",
        "what it is",
        "front end",
        "receptive field",
        "parameters",
        "MACs",
    ]
    assert (
        lines[1].startswith("crnn ")
        and "40x17, window 3072, hop 2000, 32000 Hz" in lines[1]
        and "38x16 and" in lines[1]
    )
    assert "from " + str(table) in printed and "mean logit without" in printed
    assert ("no worse without" in printed) == any(not r["helps"] for r in result["leave_one_out"])
    status, printed, _ = hwasc("teach", "--set", external, "--json", tiny=True)
    assert json.loads(printed) == {k: v for k, v in result.items() if k != "environment"}
    before = opened(ws)[2].key
    write_logits(table, ws, ids, seed=1)
    assert opened(ws)[2].key != before


def test_missing_logits_are_counted_before_any_training(
    space: Callable[..., Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hwasc.ensemble.cross_fitting._run", lambda job: pytest.fail("trained"))
    ws, table = space(), tmp_path / "some.csv"
    setting = f"teachers=[crnn, {{name: some, logits: '{table}'}}]"
    train, ids = ids_of(ws, "train"), ids_of(ws, "train", "validation")
    write_logits(table, ws, [i for i in ids if i not in train[2:5]])
    with pytest.raises(DataError, match=rf"3 of {len(train)} train clips have no logits, first {train[2]}, "):
        teach(space(setting))
    write_logits(table, ws, train)
    with pytest.raises(DataError, match=f"of {len(ws.dataset.validation)} validation clips have no logits"):
        teach(space(setting))
    write_logits(table, ws, ids)
    with pytest.raises(DataError, match="90 of 90 test clips"):
        check_teachers(opened(space(setting)), ws, "test")


def test_models_that_do_not_fit_are_refused_in_a_line(space: Callable[..., Workspace], tmp_path: Path) -> None:
    ws, path = space(), tmp_path / "m.onnx"

    def teaching(name: str = "m.onnx", front_end: str = "mels: 40, frames: 17") -> str:
        with pytest.raises(HwascError) as e:
            teach(space(f"teachers=[crnn, {{name: m, model: '{tmp_path / name}', front_end: {{{front_end}}}}}]"))
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
    assert "do not fit into" in teaching(front_end="mels: 40, frames: 17, hop: 20000")


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
    features = ws.features(ws.dataset.validation, teacher_front_end(ws), "validation")
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
    fused = fuse(space(f"teachers=[{both}]"))
    table = fused.table(ws.features(ws.dataset.validation, fused.front_end, "validation"), "validation")
    assert [r.name for r in table][:2] == ["a", "b"]
    assert all(r.accuracy == 1 for r in table if r.name not in PAPER)  # those are hardly trained here
