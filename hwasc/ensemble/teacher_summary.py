"""What a teacher is and costs, whatever its kind."""

from __future__ import annotations

from dataclasses import dataclass

from hwasc.records.front_end import FrontEnd


@dataclass(frozen=True, kw_only=True)
class PretrainedStart:
    """The weights that a teacher's training started from.

    Attributes:
        file: Their file's name.
        hash: Of the file and the renaming, hexadecimal.
        rename: Regular expressions of the file's tensor names to ours.
    """

    file: str
    hash: str
    rename: dict[str, str | None]


@dataclass(frozen=True, kw_only=True)
class TeacherSummary:
    """A teacher.

    Attributes:
        name: Its name in the settings.
        kind: `family`, `model` or `logits`, as in the settings.
        source: The family's name, or the file.
        hash: Of the file, hexadecimal; None where there is none.
        front_end: Its log-mel; None: it takes none.
        width: Of the family's net.
        receptive_field: Bins x frames that its kernels reach; None where that is unknown.
        global_context: What else an output depends on, and through which layer; empty: nothing, or unknown.
        parameters: Learned numbers; None where that is unknown.
        macs: Of a clip, likewise.
        pretrained: The weights that its training started from; None: random weights, or it is not trained here.
    """

    name: str
    kind: str
    source: str
    hash: str | None = None
    front_end: FrontEnd | None = None
    width: int | None = None
    receptive_field: tuple[int, int] | None = None
    global_context: str = ""
    parameters: int | None = None
    macs: int | None = None
    pretrained: PretrainedStart | None = None

    def text(self) -> str:
        """Family and width, or the file that it comes from."""
        return f"{self.source}, width {self.width}" if self.kind == "family" else f"from {self.source}"
