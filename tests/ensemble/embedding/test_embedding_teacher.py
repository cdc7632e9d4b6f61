"""Embedding teachers through the whole of `teach`: cross-fitting, changed clips, context, the cache, the default ensemble."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from sklearn.linear_model import Ridge

from hwasc.audio.noise import Noise
from hwasc.data.changes import AddedNoise
from hwasc.data.clips import Clip
from hwasc.data.nets import NETS, PublicNet, fetch_net, net_path, present
from hwasc.ensemble.clip_set import ClipSet
from hwasc.ensemble.cross_fitting import held_out_logits, out_of_fold_logits, teach
from hwasc.ensemble.embedding import computing
from hwasc.ensemble.embedding.computing import embedding_files, read_embeddings
from hwasc.ensemble.embedding.context import with_neighbours
from hwasc.ensemble.embedding.probe import load_probe
from hwasc.ensemble.embedding.teacher import EmbeddingTeacher
from hwasc.ensemble.kinds import open_teacher
from hwasc.ensemble.teacher import Folds
from hwasc.ensemble.teacher_front_ends import teacher_front_end
from hwasc.ensemble.work import ensemble_stages
from hwasc.errors import DataError, UsageError
from hwasc.progress import Reporter, reporter
from hwasc.records.bounded import sha256
from hwasc.records.settings import Settings
from hwasc.records.teacher_settings import PUBLIC_NETS, Member, TeacherSettings
from hwasc.workspace import Workspace, open_workspace
from tests.ensemble.embedding.little_models import wav2vec2_model
from tests.ensemble.embedding.little_nets import hidden, onnx_net, tflite_net

MELS, FRAMES = 40, 17


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Nets by kind, as members without a name."""
    root = tmp_path_factory.mktemp("nets")
    inputs = MELS * FRAMES
    onnx = onnx_net(root / "net.onnx", (1, MELS, FRAMES), inputs=inputs)
    tflite = tflite_net(root / "net.tflite", (FRAMES, MELS))
    wave = onnx_net(root / "wave.onnx", (4000,), inputs=4000)
    return {
        "onnx": f"embedding: '{onnx}', tensor: hidden",
        "tflite": f"embedding: '{tflite}', probe: logistic",
        "waveform": f"embedding: '{wave}', waveform: 4000, context: 1",
        "hf": f"hf: '{wav2vec2_model(root / 'hf')}'",
    }


@pytest.fixture
def space(tiny_data: Path, tiny_cache: Path, tiny_settings: list[str]) -> Callable[..., Workspace]:
    tiny = [s for s in tiny_settings if s != "--set"]

    def opened(*members: str) -> Workspace:
        named = ", ".join(f"{{name: t{i}, {member}}}" for i, member in enumerate(members))
        return open_workspace(tiny_data, Settings.load(None, [*tiny, f"teachers=[{named}]"]), cache=tiny_cache)

    return opened


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["onnx", "tflite", "waveform", "hf"])
def test_probes_are_cross_fitted(kind: str, files: dict[str, str], space: Callable[..., Workspace]) -> None:
    if kind == "hf":
        pytest.importorskip("transformers")
    ws = space(files[kind], files["onnx"])
    teachers = teach(ws)
    teacher = teachers.members[0]
    assert isinstance(teacher, EmbeddingTeacher)
    x = read_embeddings(embedding_files(ws, teacher.embedding, teachers.train, "train"))
    assert x.shape == (len(teachers.train), teacher.size)
    logits, fold_of = out_of_fold_logits(teachers)[:, 0], teachers.folds.of
    for fold in range(teachers.folds.count):
        probe, rows = load_probe(teacher.folder / f"fold{fold}.safetensors"), fold_of == fold
        np.testing.assert_allclose(logits[rows], probe.logits(x[rows]), rtol=1e-5, atol=1e-5)
        if teacher.probe == "ridge":  # it was fitted to the other folds' clips, and to no others
            other, known = x[~rows].astype(np.float64), teachers.train.labels[~rows]
            std = np.where(other.std(0) < 1e-6 * max(1, other.std(0).max()), np.inf, other.std(0))
            counts = np.bincount(known)
            fitted = Ridge(alpha=probe.penalty * len(other)).fit(
                (other - other.mean(0)) / std,
                np.eye(len(counts))[known],
                sample_weight=1 / counts[known] * len(known) / len(counts),
            )
            np.testing.assert_allclose(probe.weight, probe.scale * fitted.coef_ / std, rtol=1e-3, atol=1e-6)
    validation = ws.features(ws.dataset.validation, teacher_front_end(ws), "validation")
    found = held_out_logits(teachers, validation, "validation")
    assert found.shape == (len(validation), 2, 2, len(ws.classes)) and np.abs(found[:, 0, 0] - found[:, 1, 0]).max() > 0


@pytest.mark.slow
def test_embeddings_are_a_stage_of_their_own(
    files: dict[str, str], space: Callable[..., Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the training of teachers they would count as much as all trainings, and the time left would be far off."""
    monkeypatch.setattr(reporter, "PLAIN_EVERY", 0.0)
    shown, out = Reporter(), io.StringIO()
    shown.console = Console(file=out, width=200, force_terminal=False, color_system=None, soft_wrap=True)
    ws = replace(space(files["onnx"], files["tflite"], "family: bc_resnet"), cache=tmp_path, reporter=shown)
    stages = ensemble_stages(ws)
    assert [(s.name, len(s.parts)) for s in stages] == [("embeddings", 2), ("teachers", 1), ("fusion", 2)]
    by_default = replace(ws, settings=ws.settings.changed(["teachers.train.epochs=25"]))
    embeddings, teachers, _ = ensemble_stages(by_default)
    assert 5 * embeddings.work < teachers.work
    with shown.plan(stages):
        teach(ws)
    lines = [line for line in out.getvalue().splitlines() if " · " in line]
    for stage, what in (("1/3 embeddings", "embeddings by"), ("2/3 teachers", "teachers (")):
        own = [line for line in lines if what in line]
        assert own and all(line.startswith(f"stage {stage} · ") for line in own)
    of_families = space("family: bc_resnet", "family: crnn")
    assert [s.name for s in ensemble_stages(of_families)] == ["teachers", "fusion"]


@pytest.mark.slow
def test_embeddings_are_the_nets_and_are_computed_once(
    files: dict[str, str], space: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    ws = space(files["onnx"], files["tflite"])
    teachers = teach(ws)
    teacher, train = teachers.members[0], teachers.train
    assert isinstance(teacher, EmbeddingTeacher)
    x = read_embeddings(embedding_files(ws, teacher.embedding, train, "train"))
    logmel = train.batch(np.arange(8)).numpy()
    np.testing.assert_allclose(x[:8], hidden(logmel), rtol=0.02, atol=0.02 * np.abs(x).max())  # float16 features
    noisy = ws.features(train.clips, teacher_front_end(ws), "noisy", change=AddedNoise(Noise("white", 0.0, 0)))
    changed = teacher.logits(ClipSet.of(ws, noisy, "noisy"), 0)
    y = read_embeddings(embedding_files(ws, teacher.embedding, noisy, "noisy"))
    np.testing.assert_allclose(y[:8], hidden(noisy.batch(np.arange(8)).numpy()), rtol=0.02, atol=0.02 * np.abs(y).max())
    assert (changed != teacher.logits(teachers.folds.clips, 0)).all()
    monkeypatch.setattr(computing, "_compute", None)
    assert teach(ws).keys == teachers.keys
    again = read_embeddings(embedding_files(ws, teacher.embedding, train, "train"))
    np.testing.assert_array_equal(again, x)
    said: list[str] = []
    monkeypatch.setattr(Reporter, "say", lambda _, text: said.append(text))
    teach(replace(ws, missing_nets=("yamnet",)))
    assert "hwasc data fetch yamnet" in said[0] and "(4 MB)" in said[0]


def test_context_is_what_the_recording_has(tmp_path: Path) -> None:
    import soundfile

    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 8000 * 4), 8000)

    def clip(start: float) -> Clip:
        return Clip(
            id=f"a#{start}", path=tmp_path / "a.wav", start=start, seconds=1.0, scene="x", location="y", device="z"
        )

    starts = [[c.start for c in group] for group in with_neighbours([clip(0.0), clip(2.0), clip(3.0)], 2)]
    assert starts == [[0.0, 1.0, 2.0], [2.0, 0.0, 1.0, 3.0], [3.0, 1.0, 2.0]]
    assert {c.id for c in with_neighbours([clip(2.0)], 1)[0]} == {"a#2.0"}
    assert with_neighbours([clip(2.0)], 0) == [[clip(2.0)]]


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A public net that is a little one."""
    path = tflite_net(tmp_path / "public.tflite", (96, 64))
    net = replace(NETS["yamnet"], sha256=sha256(path).hexdigest(), size=path.stat().st_size, tensor=3)
    monkeypatch.setitem(NETS, "yamnet", net)  # type: ignore[index]
    return path


def test_a_fetched_net_is_part_of_the_default_ensemble(little: Path, tmp_path: Path, tiny_data: Path) -> None:
    default = TeacherSettings().members
    absent, missing = present(default, tmp_path)
    assert [m.name for m in absent] == ["cp_resnet", "crnn", "tf_sepnet"] and missing == ("yamnet",)
    assert open_workspace(tiny_data, Settings(), cache=tmp_path).missing_nets == ("yamnet",)
    path = fetch_net("yamnet", tmp_path, file=little)
    assert path == net_path("yamnet", tmp_path) and path.read_bytes() == little.read_bytes()
    online = Settings.load({"distill.teacher_view": "augmented", "distill.targets": "all"})
    assert len(open_workspace(tiny_data, online, cache=tmp_path).settings.teachers.members) == 3, "it cannot run online"
    ws = open_workspace(tiny_data, Settings(), cache=tmp_path)
    assert ws.missing_nets == () and ws.settings.teachers.members[-1].sha256 == NETS["yamnet"].sha256
    teacher = open_teacher(ws.settings.teachers.members[-1], Folds(ws))
    assert isinstance(teacher, EmbeddingTeacher) and teacher.embedding.front_end.sample_rate == 16_000
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(DataError, match="its SHA-256 is"):
        open_teacher(ws.settings.teachers.members[-1], Folds(ws))


def test_another_file_is_not_taken_for_a_public_net(little: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"other")
    with pytest.raises(DataError, match="is another file than YAMNet"):
        fetch_net("yamnet", tmp_path, file=tmp_path / "other")
    assert not net_path("yamnet", tmp_path).exists()


def test_the_catalogue_is_whole() -> None:
    assert tuple(NETS) == PUBLIC_NETS
    for name, net in NETS.items():
        assert isinstance(net, PublicNet) and net.url.startswith("https://") and len(net.sha256) == 64
        member = Member(name=name, embedding=name, front_end=net.front_end, tensor=net.tensor)
        assert member.kind == "embedding"


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ({"embedding": "yamne"}, "there is no such net, did you mean 'yamnet'?"),
        ({"embedding": "yamnet"}, "yamnet is not in the cache; run: hwasc data fetch yamnet"),
    ],
)
def test_nets_that_are_not_there(
    member: dict[str, str], message: str, tmp_path: Path, tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ws = open_workspace(tiny_data, Settings(), cache=tmp_path)
    with pytest.raises(UsageError, match=message):
        open_teacher(Member(name="a", **member), Folds(ws))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"embedding": "a.onnx", "front_end": "yamnett"}, "did you mean 'yamnet'?"),
        ({"embedding": "a.onnx", "front_end": "yamnet", "waveform": 16_000}, "not both"),
        ({"embedding": "a.onnx", "waveform": 0}, "sample rate"),
        ({"embedding": "a.onnx", "context": -1}, "context must be 0 to"),
        ({"embedding": "a.onnx", "width": 3}, "which width cannot go with"),
        ({"hf": "a", "tensor": 3}, "which tensor cannot go with"),
        ({"hf": "a", "embedding": "b"}, "exactly one of"),
    ],
)
def test_settings_that_do_not_fit(entry: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Settings.load({"teachers": ["crnn", {"name": "a", **entry}]})


def test_a_public_net_may_be_named_alone() -> None:
    members = Settings.load({"teachers": ["crnn", "yamnet"]}).teachers.members
    assert members == (Member.of_family("crnn"), Member(name="yamnet", embedding="yamnet"))
