"""Weights of others: mapped as stated, strict on names and shapes, and never a pickle that runs code."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from hwasc.ensemble.pretrained import head_names, load_start_weights, open_start_weights, read_tensors
from hwasc.errors import DataError, HwascError, UsageError
from hwasc.models.teachers import TeacherSpec, build
from hwasc.records.front_end import FrontEnd
from hwasc.records.teacher_settings import PretrainedWeights

SPEC = TeacherSpec("mobilenet_v3", 1, FrontEnd.for_clip(40, 16))
EFFICIENT_AT = {r"conc_se_layers\.0\.": ""}  # their name of the gate, as docs/teachers.md states it


def theirs(classes: int = 527) -> dict[str, Tensor]:
    """A checkpoint as EfficientAT names its tensors."""
    torch.manual_seed(3)
    state = build(SPEC, classes).state_dict()
    return {re.sub(r"\.(fc[12])\.", r".conc_se_layers.0.\1.", name): t.clone() for name, t in state.items()}


def fresh(classes: int = 10) -> nn.Module:
    torch.manual_seed(0)
    return build(SPEC, classes)


def test_a_stated_mapping_brings_every_tensor_but_the_head_of_other_classes(tmp_path: Path) -> None:
    path, source = tmp_path / "mn.pt", theirs()
    torch.save(source, path)
    model = fresh()
    before = {n: t.clone() for n, t in model.state_dict().items()}
    note = load_start_weights(model, SPEC, 10, open_start_weights(PretrainedWeights(str(path), EFFICIENT_AT), "mine"))
    head = {"classifier.5.weight", "classifier.5.bias"}
    assert head_names(SPEC, 10) == head
    for name, tensor in model.state_dict().items():
        from_file = source.get(name, source.get(re.sub(r"\.(fc[12])\.", r".conc_se_layers.0.\1.", name)))
        assert torch.equal(tensor, before[name] if name in head else from_file), name
    total = len(source)
    assert note.endswith(f"{total - 2:,} of {total:,} tensors; its head is left out (527 classes there, 10 here)")
    assert "mine starts from mn.pt (hash " in note


def test_a_head_of_the_same_classes_is_taken_and_safetensors_give_the_same(tmp_path: Path) -> None:
    torch.save({"state_dict": theirs(10), "epoch": 3}, tmp_path / "a.pth")
    save_file(theirs(10), tmp_path / "a.safetensors")
    mapping = tmp_path / "names.yaml"
    mapping.write_text("'conc_se_layers\\.0\\.': ''\n")
    models = []
    for name, rename in (("a.pth", EFFICIENT_AT), ("a.safetensors", str(mapping))):
        models.append(fresh())
        note = load_start_weights(
            models[-1], SPEC, 10, open_start_weights(PretrainedWeights(str(tmp_path / name), rename), "mine")
        )
        assert "left out" not in note
    states = [m.state_dict() for m in models]
    assert all(torch.equal(states[0][n], states[1][n]) for n in states[0])
    assert torch.equal(states[0]["classifier.5.bias"], theirs(10)["classifier.5.bias"])


def test_the_hash_is_of_content_and_mapping(tmp_path: Path) -> None:
    for name, seed in (("a.pt", 0), ("b.pt", 1), ("c.pt", 0)):
        torch.manual_seed(seed)
        torch.save({"x": torch.randn(3)}, tmp_path / name)
    a, b = (open_start_weights(str(tmp_path / name), "mine").hash for name in ("a.pt", "b.pt"))
    assert a != b and open_start_weights(str(tmp_path / "a.pt"), "mine").hash == a
    assert open_start_weights(PretrainedWeights(str(tmp_path / "a.pt"), {"x": "y"}), "mine").hash != a


class Code:
    """Unpickled, it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


@pytest.mark.parametrize("old_format", [False, True])
def test_a_pickle_with_code_is_refused_and_does_not_run(tmp_path: Path, old_format: bool) -> None:
    path, ran = tmp_path / "evil.pt", tmp_path / "ran"
    torch.save({"a": torch.ones(2), "b": Code(ran)}, path, _use_new_zipfile_serialization=not old_format)
    with pytest.raises(DataError, match="code would have to run, which hwasc does not do") as e:
        read_tensors(path)
    assert not ran.exists() and "\n" not in str(e.value)
    torch.load(path, weights_only=False)
    assert ran.exists(), "the file does contain code"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("features.0.0.weight"), "1 missing there: features.0.0.weight"),
        (lambda s: s.update(more=torch.ones(1)), "1 unknown here: more"),
        (
            lambda s: s.update({"features.0.0.weight": torch.ones(8, 3, 3, 3)}),
            r"1 of another shape: 'features.0.0.weight' is \(8, 3, 3, 3\) there, \(8, 1, 3, 3\) here",
        ),
    ],
)
def test_what_does_not_match_is_listed(tmp_path: Path, change: object, said: str) -> None:
    source = theirs()
    change(source)  # type: ignore[operator]
    torch.save(source, tmp_path / "mn.pt")
    with pytest.raises(DataError, match=said) as e:
        load_start_weights(
            fresh(), SPEC, 10, open_start_weights(PretrainedWeights(str(tmp_path / "mn.pt"), EFFICIENT_AT), "mine")
        )
    assert len(str(e.value)) < 600 and "mobilenet_v3 of width 1 at 40x16" in str(e.value)
    if "more" in said:
        load_start_weights(
            fresh(),
            SPEC,
            10,
            open_start_weights(PretrainedWeights(str(tmp_path / "mn.pt"), {**EFFICIENT_AT, "^more$": None}), "mine"),
        )


def test_without_the_mapping_the_names_are_listed_and_counted(tmp_path: Path) -> None:
    torch.save(theirs(), tmp_path / "mn.pt")
    with pytest.raises(DataError, match=r"32 missing there: .*, \.\.\.; 32 unknown here"):
        load_start_weights(fresh(), SPEC, 10, open_start_weights(str(tmp_path / "mn.pt"), "mine"))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.pkl", b"x", "must be a .safetensors file"),
        ("a.pt2", b"x", "must be a .safetensors file"),
        ("a.safetensors", b"x", "cannot be read as weights"),
        ("a.pt", b"garbage", "a.pt: "),
        ("a.pt", None, "no file"),
    ],
)
def test_other_files_are_refused_in_a_line(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(HwascError, match=said) as e:
        read_tensors(open_start_weights(str(tmp_path / name), "mine").file)
    assert "\n" not in str(e.value)


def test_broken_mappings_are_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1), "b": torch.ones(1)}, tmp_path / "m.pt")
    with pytest.raises(UsageError, match="is not a valid renaming"):
        open_start_weights(PretrainedWeights(str(tmp_path / "m.pt"), {"(": ""}), "mine")
    (tmp_path / "names.json").write_text('["a"]')
    with pytest.raises(UsageError, match="expected a mapping"):
        open_start_weights(PretrainedWeights(str(tmp_path / "m.pt"), str(tmp_path / "names.json")), "mine")
    with pytest.raises(DataError, match="two tensors would be named 'b'"):
        load_start_weights(
            fresh(), SPEC, 10, open_start_weights(PretrainedWeights(str(tmp_path / "m.pt"), {"a": "b"}), "mine")
        )
    torch.save({"epoch": 3, "model": {"lr": 1}}, tmp_path / "m.pt")
    with pytest.raises(DataError, match="contains no tensors by name, but epoch, model"):
        read_tensors(tmp_path / "m.pt")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not a checkpoint; it is empty"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n",
            "is a Git LFS pointer, not the file itself",
        ),
        (b"<!DOCTYPE html><html><body>404</body></html>", "is not a checkpoint; it is a web page"),
        (b"\n <HTML>", "is not a checkpoint; it is a web page"),
        (b"a checkpoint of 2024\n", "is not a checkpoint; it is text"),
        ("Ein Prüfpunkt\n".encode() * 100, "is not a checkpoint; it is text"),
        (b"\0" * 100, "is not a checkpoint; it is zeros only"),
        (b"\x1f\x8b" + b"x" * 50, "is not a checkpoint; it is a gzip archive"),
        (b"PK\x05\x06" + bytes(18), "is not a checkpoint; it is an empty zip archive"),
        (b"PK\x03\x04" + b"x" * 50, "is not a checkpoint; it is a damaged zip archive"),
        (b"\x93NUMPY", "is not a checkpoint; it is a numpy array"),
        (b"\xff\xfe\xfd" * 20, "is not a checkpoint"),
    ],
)
def test_what_is_no_checkpoint_is_not_said_to_hold_code(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "m.pt").write_bytes(content)
    with pytest.raises(DataError, match=said) as e:
        read_tensors(tmp_path / "m.pt")
    assert "code" not in str(e.value) and "\n" not in str(e.value)


def test_zip_archives_that_are_no_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.txt", "hello")
    with pytest.raises(DataError, match="it is a zip archive of other files"):
        read_tensors(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("m/data.pkl", bytes(10_000_000))
    with pytest.raises(DataError, match="compresses no tensors"):
        read_tensors(path)


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (torch.tensor([1.0, float("nan")]), "'a' is not finite"),
        (torch.tensor([1.0, float("inf")]), "'a' is not finite"),
        (torch.tensor([1 + 2j]), "'a' is complex"),
    ],
)
def test_numbers_that_no_net_has(tmp_path: Path, tensor: Tensor, said: str) -> None:
    torch.save({"a": tensor}, tmp_path / "m.pt")
    save_file({"a": tensor}, tmp_path / "m.safetensors")
    for name in ("m.pt", "m.safetensors"):
        with pytest.raises(DataError, match=said):
            read_tensors(tmp_path / name)


@pytest.mark.parametrize("position", [-3, -40, 200])
def test_weights_that_are_not_as_they_were_written_are_refused(tmp_path: Path, position: int) -> None:

    from hwasc.training.weights import save_weights

    path = tmp_path / "teacher.safetensors"
    save_weights(path, nn.Linear(8, 8), {"spec": "{}"})
    assert set(read_tensors(path)) == {"weight", "bias"}
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"teacher\.safetensors: cannot be read as weights"):
        read_tensors(path)
