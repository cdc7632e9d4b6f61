"""A teacher from a pretrained net: a probe on its embeddings for each fold, fitted to the clips of the other folds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hwasc.data.clips import Clip
from hwasc.data.nets import NETS, net_path
from hwasc.deploy import litert_check
from hwasc.ensemble.clip_set import ClipSet, cached_logits
from hwasc.ensemble.embedding import probe
from hwasc.ensemble.embedding.computing import Embedding, check, embedding_files, read_embeddings
from hwasc.ensemble.embedding.hf_net import feature_extractor, hf_folder, hf_hash
from hwasc.ensemble.embedding.nets import NetFile
from hwasc.ensemble.teacher import Folds
from hwasc.ensemble.teacher_front_ends import teacher_front_end
from hwasc.ensemble.teacher_summary import TeacherSummary
from hwasc.errors import DataError, UsageError
from hwasc.records import schema
from hwasc.records.bounded import sha256
from hwasc.records.damaged import usable
from hwasc.records.front_end import FrontEnd
from hwasc.records.front_ends import FRONT_ENDS
from hwasc.records.teacher_settings import Member
from hwasc.records.training_clips import KEY
from hwasc.records.waveform import Waveform
from hwasc.suggestion import did_you_mean


@dataclass(frozen=True, kw_only=True)
class ProbeJob:
    """The fitting of one fold's probe, as a `Job`.

    Attributes:
        name: The teacher's.
        kind: Of the probe.
        files: The embeddings of all training clips.
        rows: The clips of the other folds, to which it is fitted.
        labels: Of all training clips.
        clips: All training clips.
        classes: Number of classes.
        seed: Of the folds in which the penalty is chosen.
        path: The file that is written.
        record: The record of the training clips, which goes into the file.
        on_all_ranks: False.
    """

    name: str
    kind: probe.Kind
    files: Sequence[Path]
    rows: np.ndarray
    labels: np.ndarray
    clips: Sequence[Clip]
    classes: int
    seed: int
    path: Path
    record: str
    on_all_ranks: bool = False

    @property
    def label(self) -> str:
        """Teacher and fold."""
        return f"{self.name} {self.path.stem}"

    def run(self) -> str:
        """Fit the probe and write it. Returns its penalty in words."""
        fitted = probe.fit_probe(
            read_embeddings(self.files)[self.rows],
            self.labels[self.rows],
            [self.clips[i] for i in self.rows],
            classes=self.classes,
            kind=self.kind,
            seed=self.seed,
        )
        probe.save_probe(self.path, fitted, {"probe": self.kind, KEY: self.record})
        return f"penalty {fitted.penalty:.3g}"


@dataclass(frozen=True, kw_only=True)
class EmbeddingTeacher:
    """Probes on the embeddings of a pretrained net, as a `Teacher`.

    Attributes:
        name: Its name in the settings.
        kind: `embedding` or `hf`.
        embedding: How clips become vectors.
        size: Of the vectors.
        probe: Kind of the probes.
        folds: The training clips in folds.
        cross_fitted: True.
    """

    name: str
    kind: str
    embedding: Embedding
    size: int
    probe: probe.Kind
    folds: Folds
    cross_fitted: bool = True

    @cached_property
    def key(self) -> str:
        """See `Teacher.key`."""
        train = self.folds.clips
        about: dict[str, Any] = {
            "version": probe.VERSION,
            "embedding": self.embedding.key,
            "probe": self.probe,
            "content": train.hashes,
            "labels": train.features.labels.tolist(),
            "folds": self.folds.of.tolist(),
            "seed": self.folds.workspace.settings.seed,
        }
        return f"{self.name}-{schema.digest(about)}"

    @property
    def folder(self) -> Path:
        """In the cache, with the probes and logits of all folds."""
        return self.folds.workspace.cache / "teachers" / self.key

    def check(self, clips: Sequence[Clip], what: str) -> None:
        """See `Teacher.check`: it can process any clip."""

    def jobs(self) -> Sequence[ProbeJob]:
        """Compute the embeddings of the training clips; then a job for each fold without a probe."""
        ws, train = self.folds.workspace, self.folds.clips
        paths = [self.folder / f"fold{fold}.safetensors" for fold in range(self.folds.count)]
        lacking = [f for f, path in enumerate(paths) if not usable(path, probe.load_probe, ws.reporter.say)]
        if not lacking:
            return ()
        files = embedding_files(ws, self.embedding, train.features, train.what, minor=False)
        return [
            ProbeJob(
                name=self.name,
                kind=self.probe,
                files=files,
                rows=self.folds.others(fold).rows,
                labels=train.features.labels,
                clips=train.features.clips,
                classes=len(train.classes),
                seed=ws.settings.seed,
                path=paths[fold],
                record=ws.teacher_clips.reference.text(),
            )
            for fold in lacking
        ]

    def logits(self, clips: ClipSet, fold: int) -> np.ndarray:
        """See `Teacher.logits`."""
        path = self.folder / f"fold{fold}.safetensors"

        def compute() -> np.ndarray:
            files = embedding_files(clips.workspace, self.embedding, clips.features, clips.what)
            return probe.load_probe(path).logits(read_embeddings(files)[clips.rows])

        def record() -> dict[str, Any]:
            return {
                "hash": hashlib.sha256(path.read_bytes()).hexdigest()[:16],
                "net": self.embedding.hash,
                KEY: schema.plain(clips.workspace.teacher_clips.reference),
            }

        return cached_logits(self.folder, clips, fold=fold, compute=compute, teacher=record)

    def summary(self) -> TeacherSummary:
        """See `Teacher.summary`."""
        fe = self.embedding.front_end
        return TeacherSummary(
            name=self.name,
            kind=self.kind,
            source=f"{self.embedding.net.path} ({self.probe} regression on {self.size:,} numbers)",
            hash=self.embedding.hash[:16],
            front_end=fe if isinstance(fe, FrontEnd) else None,
        )


def open_embedding(member: Member, folds: Folds) -> EmbeddingTeacher:
    """Open the net of a member.

    Args:
        member: Its settings, with `embedding`.
        folds: The training clips in folds.

    Returns:
        The teacher.

    Raises:
        UsageError: There is no such file or tensor, it may contain code, or the front end does not fit.
        DataError: The file is damaged, is another than `sha256` says, or its input does not fit the front end.
    """
    path = embedding_path(member, folds.workspace.cache)
    public = NETS.get(str(member.embedding)) if not Path(str(member.embedding)).is_file() else None
    tensor = public.tensor if public and member.tensor is None else member.tensor
    if not path.is_file():
        raise UsageError(f"teacher {member.name}: {path}: there is no such net")
    digest = sha256(path).hexdigest()
    if member.sha256 and digest != member.sha256:
        raise DataError(f"teacher {member.name}: {path}: its SHA-256 is {digest}, expected {member.sha256}")
    try:
        front_end = _front_end(member, folds, public.front_end if public else None)
    except ValueError as e:
        raise UsageError(f"teacher {member.name}: {e}") from None
    embedding = Embedding(
        net=NetFile(path=path, tensor=tensor), hash=digest, front_end=front_end, context=member.context or 0
    )
    if path.suffix.lower() == ".tflite":
        litert_check.check(path)
    return EmbeddingTeacher(
        name=member.name,
        kind="embedding",
        embedding=embedding,
        size=check(embedding),
        probe=member.probe or "ridge",
        folds=folds,
    )


def open_hf(member: Member, folds: Folds) -> EmbeddingTeacher:
    """Open the model of transformers of a member.

    Args:
        member: Its settings, with `hf`.
        folds: The training clips in folds.

    Returns:
        The teacher.

    Raises:
        UsageError: transformers is not installed, or there is no such model.
        DataError: The model cannot be loaded.
    """
    ws, folder = folds.workspace, hf_folder(str(member.hf))
    rate = feature_extractor(folder).sampling_rate
    embedding = Embedding(
        net=NetFile(path=folder, device=str(ws.device)),
        hash=hf_hash(folder),
        front_end=Waveform(sample_rate=rate, seconds=ws.settings.data.seconds),
        context=member.context or 0,
    )
    return EmbeddingTeacher(
        name=member.name,
        kind="hf",
        embedding=embedding,
        size=check(embedding),
        probe=member.probe or "ridge",
        folds=folds,
    )


def embedding_path(member: Member, cache: Path) -> Path:
    """Find the file of a member's net.

    Args:
        member: Its settings, with `embedding`.
        cache: The folder of caches, with fetched nets.

    Returns:
        The file.

    Raises:
        UsageError: It is the name of a public net that was not fetched, or of none.
    """
    name = str(member.embedding)
    if Path(name).is_file():
        return Path(name)
    if name in NETS:
        if not net_path(name, cache).is_file():
            raise UsageError(f"teacher {member.name}: {name} is not in the cache; run: hwasc data fetch {name}")
        return net_path(name, cache)
    raise UsageError(f"teacher {member.name}: {name}: there is no such net{did_you_mean(name, NETS)}")


def _front_end(member: Member, folds: Folds, published: str | None) -> FrontEnd | Waveform:
    seconds, fe = folds.workspace.settings.data.seconds, member.front_end or published
    if member.waveform is not None:
        return Waveform(sample_rate=member.waveform, seconds=seconds)
    if fe is None:
        return teacher_front_end(folds.workspace)
    return FRONT_ENDS[fe](seconds) if isinstance(fe, str) else fe.front_end(seconds)
