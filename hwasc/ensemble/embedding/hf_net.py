"""Audio models of Hugging Face's transformers, from a folder of safetensors. No code that comes with a model runs."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hwasc.ensemble.embedding.nets import vectors
from hwasc.errors import DataError, UsageError
from hwasc.parallel.device import mixed_precision
from hwasc.records.bounded import reason, sha256

CONFIG, EXTRACTOR, WEIGHTS = "config.json", "preprocessor_config.json", "*.safetensors"
SAFE = {"local_files_only": True, "trust_remote_code": False}


def hf_folder(name: str) -> Path:
    """Find a model: a folder, or a name on the hub, from where it is downloaded unless it was before.

    Args:
        name: Of either.

    Returns:
        A folder with a configuration, the settings of the feature extractor, and weights as safetensors.

    Raises:
        UsageError: transformers is not installed, there is no such model, or it lacks one of the files.
    """
    _transformers()
    folder = Path(name)
    if not folder.is_dir():
        from huggingface_hub import snapshot_download

        try:
            folder = Path(snapshot_download(name, allow_patterns=[CONFIG, EXTRACTOR, WEIGHTS, f"{WEIGHTS}.index.json"]))
        except Exception as e:  # of the hub, of httpx, and of names that are none
            raise UsageError(
                f"{name}: neither a folder nor a model that can be had from Hugging Face's hub ({reason(e)})"
            ) from None
    for wanted in (CONFIG, EXTRACTOR, WEIGHTS):
        if not any(folder.glob(wanted)):
            raise UsageError(
                f"{name}: has no {wanted}; a folder that `save_pretrained` wrote of an audio model and its feature extractor is "
                "needed, with safetensors (pickled weights are not read)"
            )
    return folder


def hf_hash(folder: Path) -> str:
    """Hash of all files of a model that count, 64 hexadecimal digits. `folder`: what `hf_folder` gave."""
    files = sorted(path for pattern in (CONFIG, EXTRACTOR, WEIGHTS) for path in folder.glob(pattern))
    return hashlib.sha256("".join(f"{p.name} {sha256(p).hexdigest()}\n" for p in files).encode()).hexdigest()


def feature_extractor(folder: Path) -> Any:
    """Make a model's feature extractor, which has the `sampling_rate` of the waveforms that it takes.

    Args:
        folder: What `hf_folder` gave.

    Returns:
        The extractor.

    Raises:
        DataError: The folder has none of sound.
    """
    with _errors(folder):
        made = _transformers().AutoFeatureExtractor.from_pretrained(folder, **SAFE)
    if not isinstance(getattr(made, "sampling_rate", None), int):
        raise DataError(f"{folder}: its feature extractor takes no sound")
    return made


def load_model(folder: Path, kind: str, **more: Any) -> torch.nn.Module:
    """Load a model's weights.

    Args:
        folder: What `hf_folder` gave.
        kind: Class of transformers, such as `AutoModel`.
        **more: Further arguments of `from_pretrained`.

    Returns:
        The model in eval mode, float32.

    Raises:
        DataError: The weights do not fit, or the model needs code of its own.
    """
    with _errors(folder):
        made: torch.nn.Module = getattr(_transformers(), kind).from_pretrained(
            folder, use_safetensors=True, **SAFE, **more
        )
    return made.float().eval()


class HfNet:
    """A model as an `EmbeddingNet` that takes waveforms at its feature extractor's rate.

    Its embeddings are those of `pooled`.

    Args:
        folder: What `hf_folder` gave.
        device: Where it runs.

    Raises:
        DataError: The model cannot be loaded.
    """

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        self._folder, self._device = folder, torch.device(device)
        self._extractor = feature_extractor(folder)
        self._model = load_model(folder, "AutoModel").to(self._device)
        self.shape: tuple[int | None, ...] = (None,)

    def embed(self, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Compute embeddings, see `EmbeddingNet`."""
        x = extracted(self._extractor, inputs).to(self._device)
        with torch.inference_mode(), mixed_precision(self._device):
            found = pooled(self._model, x, self._folder)
        return vectors(found.float().cpu().numpy(), self._folder)


def pooled(model: torch.nn.Module, inputs: torch.Tensor, folder: Path) -> torch.Tensor:
    """Compute embeddings: a model's pooled output where it has one, else the mean of its last hidden states over time.

    Args:
        model: From `load_model`.
        inputs: (B, ...), from `extracted`.
        folder: Of the model, for messages.

    Returns:
        (B, size).

    Raises:
        DataError: It gives neither, or cannot be run on sound alone.
    """
    try:
        found = model(inputs)
    except (TypeError, ValueError, RuntimeError) as e:  # such as a model of sound and text
        raise DataError(f"{folder}: cannot be run on sound alone ({reason(e)})") from None
    output: torch.Tensor | None = getattr(found, "pooler_output", None)
    if output is None:
        states: torch.Tensor | None = getattr(found, "last_hidden_state", None)
        if states is None or states.ndim != 3:
            raise DataError(f"{folder}: gives neither a pooled output nor hidden states over time")
        output = states.mean(1)
    return output


def extracted(extractor: Any, waves: npt.NDArray[np.float32]) -> torch.Tensor:
    """Make a model's input of waveforms.

    Args:
        extractor: From `feature_extractor`.
        waves: (B, samples) at its rate.

    Returns:
        (B, ...).
    """
    made = extractor(list(waves), sampling_rate=extractor.sampling_rate, return_tensors="pt")
    return torch.as_tensor(made[extractor.model_input_names[0]])


def _transformers() -> Any:
    try:
        import transformers
    except ImportError:
        raise UsageError("models of Hugging Face need transformers; pip install 'hwasc[hf]'") from None
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


@contextlib.contextmanager
def _errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except Exception as e:  # transformers and safetensors raise many kinds
        if "trust_remote_code" in str(e):
            raise DataError(
                f"{folder}: needs code of its own, which is not run; take a model that transformers has"
            ) from None
        raise DataError(f"{folder}: cannot be loaded ({reason(e)})") from None
