"""Models of transformers: tiny ones of random weights, made and saved here, offline."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hwasc.ensemble.embedding.hf_net import HfNet, feature_extractor, hf_folder, hf_hash
from hwasc.errors import DataError, UsageError
from tests.ensemble.embedding.little_models import ast_model, wav2vec2_model

pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("hf")
    return {"ast": ast_model(root / "ast"), "wav2vec2": wav2vec2_model(root / "wav2vec2")}


@pytest.mark.parametrize("name", ["ast", "wav2vec2"])
def test_embeddings_are_those_of_the_model(name: str, folders: dict[str, Path]) -> None:
    from transformers import AutoModel

    folder = hf_folder(str(folders[name]))
    extractor = feature_extractor(folder)
    x = np.random.default_rng(0).normal(0, 0.1, (2, 16_000)).astype(np.float32)
    found = HfNet(folder).embed(x)
    made = extractor(list(x), sampling_rate=16_000, return_tensors="pt")
    with torch.inference_mode():
        out = AutoModel.from_pretrained(folder).eval()(**made)
    expected = out.pooler_output if name == "ast" else out.last_hidden_state.mean(1)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
    assert found.shape == (2, 16) and np.abs(found[0] - found[1]).max() > 1e-4


def test_what_cannot_be_used_is_named(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UsageError, match="absent: neither a folder nor a model"):
        hf_folder("absent")
    (tmp_path / "pickled").mkdir()
    for file in folders["ast"].glob("*.json"):
        (tmp_path / "pickled" / file.name).write_bytes(file.read_bytes())
    (tmp_path / "pickled" / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(UsageError, match=r"has no \*\.safetensors.*pickled"):
        hf_folder(str(tmp_path / "pickled"))
    weights = next(folders["ast"].glob("*.safetensors")).read_bytes()
    (tmp_path / "pickled" / "model.safetensors").write_bytes(weights[:1000])
    with pytest.raises(DataError, match="cannot be loaded"):
        HfNet(tmp_path / "pickled")
    config = json.loads((folders["ast"] / "config.json").read_text())
    remote = {**config, "model_type": "mine", "auto_map": {"AutoModel": "mine.Mine", "AutoConfig": "mine.Mine"}}
    (tmp_path / "pickled" / "config.json").write_text(json.dumps(remote))
    (tmp_path / "pickled" / "model.safetensors").write_bytes(weights)
    (tmp_path / "pickled" / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(DataError):
        HfNet(tmp_path / "pickled")
    assert not (tmp_path / "ran").exists()
    assert hf_hash(folders["ast"]) != hf_hash(tmp_path / "pickled") != hf_hash(folders["wav2vec2"])


def test_without_transformers_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UsageError, match=r"pip install 'hwasc\[hf\]'"):
        hf_folder(str(tmp_path))
