"""Settings of the teachers: a list of members of several kinds, and how they are trained."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from hwasc.records.front_end import Edges, FrontEnd, Window
from hwasc.records.front_ends import FRONT_ENDS
from hwasc.records.part_names import TeacherName
from hwasc.records.schema import STRICT
from hwasc.records.train_settings import TrainSettings
from hwasc.records.waveform import Waveform
from hwasc.suggestion import did_you_mean

LEARNED = ("z1", "z2", "z1+z2")
PAPER = tuple(f"{view} (paper)" for view in LEARNED)
TAKEN = (
    "weighted mean",
    "mean",
    *LEARNED,
)  # names that no teacher may have; those of `PAPER` have brackets, which none can
FUSED = (*TAKEN, *PAPER)  # the names of the fused views
PUBLIC_NETS = ("yamnet",)  # that `hwasc data fetch` knows
FINE_TUNING = TrainSettings(epochs=5, batch=16, lr=5e-5, weight_decay=1e-2)  # of pretrained transformers, as is usual
MOST_CONTEXT = 60  # windows on each side
KINDS: Mapping[str, tuple[str, ...]] = {  # the kinds of members, and the settings that each can have
    "family": ("width", "front_end", "seed", "train", "weights"),
    "embedding": ("front_end", "waveform", "tensor", "context", "probe", "sha256", "optional"),
    "hf": ("context", "probe", "fine_tune", "seed", "train"),
    "model": ("front_end",),
    "logits": (),
}


@dataclass(frozen=True)
class FrontEndSettings:
    """The front end of a teacher, see `FrontEnd`.

    Attributes:
        mels: Mel bands.
        frames: Frames of a second of sound, from which the hop follows; where `hop` is given, frames of the clip.
        hop: Samples; None: follows from `frames`.
        f_max: Highest frequency of the mel bands, Hz; None: half the sample rate.
        sample_rate: Hz; this and the rest as in `FrontEnd`.
        n_fft: Length of the FFT, samples.
        window: Length of the window, samples.
        f_min: Lowest frequency of the mel bands, Hz.
        log_offset: Added before the logarithm.
        mean: Subtracted from the logarithm.
        std: The result is divided by it.
        pre_emphasis: c of the pre-emphasis; 0: none.
        pre_emphasis_of: `clip` or `frame`.
        remove_mean: Whether the mean of each frame is subtracted first.
        window_shape: `periodic`, `symmetric` or `povey`.
        edges: What is beyond the ends of a clip: `zeros`, `reflect` or `none`.
        mel_scale: `slaney` or `htk`.
        triangles: Slopes of the filters, linear in `hertz` or in `mel`.
        area_norm: Whether each filter has the same area, or the same height.
        power: Of the magnitudes, 1 or 2.
        gain: Factor of the bands.
        log_floor: The least value that the logarithm is taken of; 0: none.
        log: `natural` or `decibel`.
    """

    mels: int = 64
    frames: int = 33
    hop: int | None = None
    f_max: float | None = None
    sample_rate: int = FrontEnd.sample_rate
    n_fft: int = FrontEnd.n_fft
    window: int = FrontEnd.window
    f_min: float = FrontEnd.f_min
    log_offset: float = FrontEnd.log_offset
    mean: float = FrontEnd.mean
    std: float = FrontEnd.std
    pre_emphasis: float = FrontEnd.pre_emphasis
    pre_emphasis_of: Literal["clip", "frame"] = FrontEnd.pre_emphasis_of
    remove_mean: bool = FrontEnd.remove_mean
    window_shape: Window = FrontEnd.window_shape
    edges: Edges = FrontEnd.edges
    mel_scale: Literal["slaney", "htk"] = FrontEnd.mel_scale
    triangles: Literal["hertz", "mel"] = FrontEnd.triangles
    area_norm: bool = FrontEnd.area_norm
    power: Literal[1, 2] = FrontEnd.power
    gain: float = FrontEnd.gain
    log_floor: float = FrontEnd.log_floor
    log: Literal["natural", "decibel"] = FrontEnd.log

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def front_end(self, seconds: float) -> FrontEnd:
        """The front end for clips of `seconds`. ValueError where the numbers do not fit."""
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        given["f_max"] = self.sample_rate / 2 if self.f_max is None else self.f_max
        if self.hop:
            return FrontEnd(**given, seconds=seconds)
        given["hop"] = self.sample_rate // max(self.frames - 1, 1)
        return FrontEnd(**given, seconds=1.0).lasting(seconds)


@dataclass(frozen=True)
class PretrainedWeights:
    """The weights that the training of a teacher starts from.

    Attributes:
        file: A .safetensors file, or a .pt or .pth checkpoint that contains only tensors.
        rename: Regular expressions of the file's tensor names to ours, applied in order; None leaves a tensor out. Or the
            path of a YAML or JSON file with such a mapping.
    """

    file: str
    rename: dict[str, str | None] | str = field(default_factory=dict)

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT


@dataclass(frozen=True, kw_only=True)
class Member:
    """A teacher of the ensemble. It is of one kind, one of `KINDS`. As plain text: name and family, or public net.

    Attributes:
        name: Letters, digits, `.`, `_` or `-`; not the name of a view. Caches and tables go by it.
        family: Is trained here, by cross-fitting, see `hwasc.models.teachers`.
        embedding: A net that turns sound into vectors, with a probe that is fitted by cross-fitting: an ONNX or .tflite file, or
            the name of one of `hwasc data fetch`.
        hf: The same of Hugging Face: a folder, or a name on its hub.
        model: An ONNX classifier of log-mels.
        logits: A CSV or npz file of logits by clip id, or a folder of such files.
        width: Of the family's net; None: the family's default.
        front_end: A log-mel, or the name of a published one (`hwasc.records.front_ends`). `paper`: that of the
            family's paper. None: `teachers.mels` x `teachers.frames`, or that of the fetched net.
        seed: Of the weights and batches of what is trained; None: it follows from the run's seed and the name.
        train: Training of the family, None: `teachers.train`; or of a fine-tuned model, None: `FINE_TUNING`.
        weights: That the family's training starts from; None: random ones.
        waveform: Sample rate, Hz, of the waveform that the net of an embedding takes in place of a log-mel.
        tensor: The embedding in its file, by name or number; None: the first output.
        context: Windows around a clip, on each side, whose embeddings are averaged with its own where its recording is longer
            than the clip; None: 0.
        probe: `ridge` or `logistic` regression; None: ridge.
        fine_tune: Whether all of a model of Hugging Face is trained, in place of a probe alone; None: no.
        sha256: Of the embedding's file, which is refused if it has another; None: any.
        optional: Whether the member is left out where the file of its embedding is not there; None: no.
    """

    name: str
    family: TeacherName | None = None
    embedding: str | None = None
    hf: str | None = None
    model: str | None = None
    logits: str | None = None
    width: int | None = None
    front_end: str | FrontEndSettings | None = None
    seed: int | None = None
    train: TrainSettings | None = None
    weights: str | PretrainedWeights | None = None
    waveform: int | None = None
    tensor: str | int | None = None
    context: int | None = None
    probe: Literal["ridge", "logistic"] | None = None
    fine_tune: bool | None = None
    sha256: str | None = None
    optional: bool | None = None

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", self.name) or self.name in TAKEN:
            raise ValueError(
                f"name: expected letters, digits, '.', '_' or '-', and none of {', '.join(TAKEN)}, found '{self.name}'"
            )
        kinds = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            found = " and ".join(kinds) or "none"
            raise ValueError(f"'{self.name}' needs exactly one of {', '.join(KINDS)}, found {found}")
        others = [f.name for f in fields(self) if f.name not in ("name", *KINDS, *KINDS[kinds[0]])]
        if unfit := [name for name in others if getattr(self, name) is not None]:
            raise ValueError(f"'{self.name}' has '{kinds[0]}', which {', '.join(unfit)} cannot go with")
        self._check_front_end()
        if self.hf is not None:
            misfit = ("context", "probe") if self.fine_tune else ("seed", "train")
            if unfit := [name for name in misfit if getattr(self, name) is not None]:
                found = (
                    "goes with `fine_tune: true` alone" if not self.fine_tune else "cannot go with `fine_tune: true`"
                )
                raise ValueError(f"'{self.name}': {', '.join(unfit)} {found}")
        if self.waveform is not None:
            Waveform(sample_rate=self.waveform, seconds=1.0)
            if self.front_end is not None:
                raise ValueError(f"'{self.name}': its net takes a waveform or a log-mel (front_end), not both")
        if self.context is not None and not 0 <= self.context <= MOST_CONTEXT:
            raise ValueError(f"'{self.name}': context must be 0 to {MOST_CONTEXT}, found {self.context}")
        if self.width is not None and self.width < 1:
            raise ValueError(f"'{self.name}': width must be at least 1, found {self.width}")
        if self.seed is not None and self.seed < 0:
            raise ValueError(f"'{self.name}': seed must be at least 0, found {self.seed}")

    def _check_front_end(self) -> None:
        fe = self.front_end
        if fe == "paper" and self.family is None:
            raise ValueError(f"'{self.name}': only a family has a front end 'paper'")
        if isinstance(fe, str) and fe != "paper" and fe not in FRONT_ENDS:
            known = ["paper", *FRONT_ENDS] if self.family else list(FRONT_ENDS)
            raise ValueError(
                f"'{self.name}': there is no front end '{fe}'{did_you_mean(fe, known)} (there are {', '.join(known)})"
            )

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @classmethod
    def of_family(cls, family: str) -> Member:
        """The member that is named as its family and has all of its defaults."""
        return cls(name=family, family=family)


def _long_form(entry: Any) -> Any:
    if not isinstance(entry, str):
        return entry
    return {"name": entry, ("embedding" if entry in PUBLIC_NETS else "family"): entry}


@dataclass(frozen=True)
class TeacherSettings:
    """The teachers. A list in place of these settings is short for `members`.

    Attributes:
        members: The teachers; text stands for a family or a public net that gives its name, too.
        folds: Folds of cross-fitting, 2 at least; no two have a location in common.
        mels: Mel bands of z1, and of the members without a front end of their own.
        frames: Frames of a second of sound, likewise.
        train: Training of the members that have none of their own.
    """

    members: tuple[Annotated[Member, BeforeValidator(_long_form)], ...] = (
        *map(Member.of_family, ("cp_resnet", "crnn", "tf_sepnet")),
        Member(name="yamnet", embedding="yamnet", optional=True),
    )
    folds: int = 3
    mels: int = 64
    frames: int = 33
    train: TrainSettings = field(default_factory=lambda: TrainSettings(25, 32, 6e-3, 1e-2))

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise ValueError(f"folds: cross-fitting needs at least 2, found {self.folds}")
        names = [member.name for member in self.members]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"members: each needs a name of its own, found {', '.join(twice)} twice")
        if len(names) < 2:
            raise ValueError("members: at least two teachers are needed to fuse")
