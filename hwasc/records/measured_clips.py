"""The record of the clips that a figure is measured on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class MeasuredClips:
    """The clips that a figure is measured on.

    Attributes:
        data: The data set as the user named it.
        folder: Its folder.
        dataset: Fingerprint of the clips of the split: names, scenes and contents, those that are left out included.
        split: `test`, `validation`, or `all` for a folder that is not split.
        drawn: How the split was made, e.g. `seed 0, test share 0.25`, or `official lists`.
        clips: Clips measured.
        locations: Their locations.
        missing: Scenes of the data without a clip; figures by scene leave them out.
        left_out: Clips of the split that are not measured, because the model was trained on their location or chosen by it.
        left_out_locations: Their locations.
        training: Recordings that the model was trained on; None where that is not known.
        validation: Recordings that the model was chosen by; None where that is not known.
    """

    data: str
    folder: str
    dataset: str
    split: str
    drawn: str
    clips: int
    locations: int
    missing: tuple[str, ...]
    left_out: int
    left_out_locations: int
    training: int | None
    validation: int | None

    def text(self) -> str:
        """The record on a line, for people."""
        made = f" ({self.drawn})" if self.drawn else ""
        which = "all clips" if self.split == "all" else f"the {self.split} split{made}"
        left = (
            f"; {self.left_out:,} clips at {_locations(self.left_out_locations)} are left out: the model was trained on "
            "them or chosen by them"
            if self.left_out
            else ""
        )
        missing = (
            f"; no clips of {', '.join(self.missing)}, so the accuracy is of the other scenes" if self.missing else ""
        )
        return f"{self.clips:,} clips of {_locations(self.locations)}, {which} of {self.data}{left}{missing}"


def _locations(count: int) -> str:
    return "1 location" if count == 1 else f"{count:,} locations"
