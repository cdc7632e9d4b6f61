"""Embeddings of clips, computed once by worker processes and kept in the cache by content."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from hwasc.audio.frontend import LogMel
from hwasc.audio.reading import UnreadableClip
from hwasc.data.changes import Change
from hwasc.data.clips import Clip
from hwasc.data.features import Features
from hwasc.data.waveforms import waveforms
from hwasc.ensemble.embedding.context import with_neighbours
from hwasc.ensemble.embedding.inputs import NetInput, net_input
from hwasc.ensemble.embedding.nets import EmbeddingNet, NetFile, open_net
from hwasc.errors import DataError
from hwasc.parallel.jobs import pool
from hwasc.records import schema
from hwasc.records.damaged import usable
from hwasc.records.front_end import FrontEnd
from hwasc.records.waveform import Waveform
from hwasc.training.weights import load_weights, save_tensors
from hwasc.workspace import Workspace

VERSION = 1  # part of cache keys; a new version computes all embeddings anew
CHUNK = 256  # clips of a job, and of a file in the cache
BATCH = 16  # clips that a net gets at once
NAME = "embeddings"
Array = npt.NDArray[np.float32]
_Key = tuple[str, float, str]


@dataclass(frozen=True, kw_only=True)
class Embedding:
    """A way to turn clips into vectors.

    Attributes:
        net: The net's file, and its tensor.
        hash: SHA-256 of the file, or `hf_hash`.
        front_end: What clips are made into.
        context: Windows of context on each side, see `with_neighbours`; the embeddings are averaged.
    """

    net: NetFile
    hash: str
    front_end: FrontEnd | Waveform
    context: int = 0

    @property
    def key(self) -> str:
        """Hash of all that a clip's embedding depends on besides the clip."""
        return schema.digest([VERSION, self.hash, self.net.tensor, self.front_end, self.context])


@dataclass(frozen=True, kw_only=True)
class _Job:
    embedding: Embedding
    clips: tuple[Clip, ...]
    change: Change | None
    path: Path


def embedding_files(
    ws: Workspace, embedding: Embedding, features: Features, what: str, *, minor: bool = True
) -> list[Path]:
    """Compute embeddings of clips, unless the cache has them.

    Args:
        ws: Cache, workers, reporter.
        embedding: How.
        features: The n clips, in any front end.
        what: Their name for the progress, such as `train`.
        minor: Whether the present stage of the command consists of something else, see `Reporter.track`.

    Returns:
        The files in the cache, for `read_embeddings`.

    Raises:
        DataError: A clip cannot be read any more, or the net cannot be run.
    """
    jobs = []
    for start in range(0, len(features), CHUNK):
        clips, hashes = features.clips[start : start + CHUNK], features.hashes[start : start + CHUNK]
        path = ws.cache / "embeddings" / embedding.key / f"{schema.digest(hashes)}.safetensors"
        change = features.change.only(clips) if features.change else None
        jobs.append(_Job(embedding=embedding, clips=clips, change=change, path=path))
    lacking = [job for job in jobs if not usable(job.path, load_weights, ws.reporter.say)]
    if lacking:
        title = f"embeddings by {embedding.net.path.name} ({what})"
        workers = ws.workers if embedding.net.device == "cpu" else 1  # they would share the GPU, and load the net each
        total = sum(len(job.clips) for job in lacking)
        with ws.reporter.track(title, total, minor=minor) as update, pool(workers) as run:
            done = 0
            for i, _ in run(_compute, lacking):
                done += len(lacking[i].clips)
                update(done, "clips")
    return [job.path for job in jobs]


def read_embeddings(files: Sequence[Path]) -> Array:
    """Read embeddings.

    Args:
        files: What `embedding_files` gave.

    Returns:
        (n, size), in the order of the clips.

    Raises:
        DataError: A file is damaged.
    """
    return np.concatenate([load_weights(path)[NAME].numpy() for path in files])


def check(embedding: Embedding) -> int:
    """Check that a net can be run on what clips are made into.

    Args:
        embedding: The net, and what clips are made into.

    Returns:
        Size of the embedding.

    Raises:
        HwascError: See `open_net`; or its input does not fit.
    """
    fe = embedding.front_end
    silence = np.zeros((1, fe.mels, fe.frames) if isinstance(fe, FrontEnd) else (1, fe.samples), np.float32)
    net, taken = _opened(embedding)
    return net.embed(taken.windows(silence)).shape[1]


def _compute(job: _Job) -> None:
    found = _embed(job.embedding, job.clips, job.change)
    save_tensors(job.path, {NAME: torch.from_numpy(found)}, {"net": job.embedding.hash})


def _embed(embedding: Embedding, clips: Sequence[Clip], change: Change | None) -> Array:
    groups = with_neighbours(clips, embedding.context)

    def key(clip: Clip) -> _Key:  # a change is another one for every id
        return str(clip.path), clip.start, clip.id if change else ""

    by_key = {key(clip): clip for clip in itertools.chain(*groups)}
    unique = [by_key[k] for k in sorted(by_key)]
    vectors: dict[_Key, Array] = {}
    unreadable: dict[_Key, str] = {}
    batch: list[tuple[_Key, Array]] = []
    for clip, wave in zip(unique, waveforms(unique, embedding.front_end.sample_rate, change), strict=True):
        if isinstance(wave, UnreadableClip):
            unreadable[key(clip)] = str(wave)
            continue
        batch.append((key(clip), wave))
        if len(batch) == BATCH:
            vectors |= _embed_batch(embedding, batch)
            batch = []
    vectors |= _embed_batch(embedding, batch)
    out = []
    for group in groups:
        keys = [key(clip) for clip in group]
        if keys[0] in unreadable:
            raise DataError(f"{group[0].id}: cannot be read any more ({unreadable[keys[0]]})")
        out.append(np.mean([vectors[k] for k in keys if k in vectors], axis=0))
    return np.stack(out).astype(np.float32)


def _embed_batch(embedding: Embedding, batch: Sequence[tuple[_Key, Array]]) -> dict[_Key, Array]:
    if not batch:
        return {}
    net, taken = _opened(embedding)
    waves = np.stack([wave for _, wave in batch])
    if isinstance(embedding.front_end, FrontEnd):
        with torch.inference_mode():
            waves = _log_mel(embedding.front_end)(torch.from_numpy(waves)).numpy()
    found = net.embed(taken.windows(waves))
    means = found.reshape(len(batch), -1, found.shape[1]).mean(1)
    return {k: mean for (k, _), mean in zip(batch, means, strict=True)}


@functools.lru_cache(maxsize=2)
def _opened(embedding: Embedding) -> tuple[EmbeddingNet, NetInput]:
    net = open_net(embedding.net)
    return net, net_input(net.shape, embedding.front_end, str(embedding.net.path))


@functools.lru_cache(maxsize=2)
def _log_mel(front_end: FrontEnd) -> LogMel:
    return LogMel(front_end)
