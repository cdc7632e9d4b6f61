"""What decoding shows of a data folder, in one line a kind of finding: how many files, the first names, and what to do."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hwasc.data import acoustics, shortcuts
from hwasc.data.clips import Dataset
from hwasc.data.examination import Examination
from hwasc.data.inventory import Entry
from hwasc.data.left_out import named

QUIET_LEVEL = -70.0  # dB of full scale


@dataclass(kw_only=True)
class Findings:
    """Lines on a folder.

    Attributes:
        faults: What must be solved before the folder can be used.
        warnings: Other lines.
        names: All files of each kind.
        levels: Of the files with a sound, dB of full scale.
    """

    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    levels: list[float] = field(default_factory=list)

    def add(self, other: Findings) -> None:
        """Take the lines of others.

        Args:
            other: The others.
        """
        self.faults += other.faults
        self.warnings += other.warnings
        self.names |= other.names
        self.levels += other.levels

    def warn(self, kind: str, names: Sequence[str], *, of: int, what: str, advice: str) -> None:
        """Add a warning, if there are any files.

        Args:
            kind: Name of the finding.
            names: The files.
            of: Number of all files.
            what: What the files have.
            advice: What to do.
        """
        if names:
            self.names[kind] = tuple(names)
            self.warnings.append(f"{len(names):,} of {of:,} files {what}: {named(names)}; {advice}")


def of_sound(entries: Sequence[Entry], examined: Mapping[str, Examination]) -> Findings:
    """Findings on channels, levels, bandwidth, and properties that tell the class by themselves.

    Args:
        entries: The listed files.
        examined: What was examined of each file that can be used.

    Returns:
        The lines.
    """
    found = Findings()
    known = [(e, examined[e.name]) for e in entries if e.name in examined]
    if not known:
        return found
    of = len(known)

    def those(which: Sequence[bool]) -> list[str]:
        return [e.name for (e, _), yes in zip(known, which, strict=True) if yes]

    found.warn(
        "dead_channels",
        those(["dead" in h.remark for _, h in known]),
        of=of,
        what="have a dead channel",
        advice="only channels with a sound are used; check the cable, or export the live channel",
    )
    found.warn(
        "opposite_channels",
        those(["cancel" in h.remark for _, h in known]),
        of=of,
        what="have channels of opposite sign, which cancel each other out",
        advice="one of them is used; invert one channel or export one",
    )
    damaged = [f"{e.name} ({h.damage})" for e, h in known if h.damage]
    found.warn(
        "damaged",
        damaged,
        of=of,
        what="are damaged",
        advice="what can be decoded of them is used; copy or export them again",
    )
    found.warn(
        "quiet",
        those([-math.inf < h.level < QUIET_LEVEL for _, h in known]),
        of=of,
        what=f"are quieter than {QUIET_LEVEL:g} dB of full scale",
        advice="check the gain of the recorder",
    )
    found.levels = [h.level for _, h in known if h.level > -math.inf]
    loud = [(e, h) for e, h in known if h.level > -math.inf]
    narrow = acoustics.bandwidth_lines([e.name for e, _ in loud], [h.bandwidth for _, h in loud])
    found.warnings += narrow
    if loud:
        properties: dict[str, Sequence[float] | Sequence[str]] = {
            "sample rate": [str(h.rate) for _, h in loud],
            "file format": [h.kind for _, h in loud],
            "number of channels": [str(h.channels) for _, h in loud],
            "recorder": [e.device for e, _ in loud],
            "bandwidth": [h.bandwidth for _, h in loud],
            "level": [h.level for _, h in loud],
        }
        told = shortcuts.find([e.scene for e, _ in loud], [e.location for e, _ in loud], properties)
        found.warnings += shortcuts.lines(told)
    return found


def of_clips(
    data: Dataset, unusable: Mapping[str, str], max_unreadable: float, broken: frozenset[str] = frozenset()
) -> Findings:
    """Findings on clips that a run could not use, by its splits and its limit.

    Args:
        data: The folder as a run splits it.
        unusable: Reasons by the id of a clip.
        max_unreadable: The greatest share of each split (`data.max_unreadable`).
        broken: Files without any usable clip, which have a line of their own if they are the only ones.

    Returns:
        The lines.
    """
    found = Findings()
    all_clips = [*data.train, *data.validation, *data.test]
    bad = [c for c in all_clips if c.id in unusable]
    if not bad:
        return found
    reasons = Counter(unusable[c.id].split(":")[0] for c in bad)
    kinds = ", ".join(f"{why}: {count:,}" for why, count in reasons.most_common(3))
    files: defaultdict[str, int] = defaultdict(int)
    for c in bad:
        files[c.id.rpartition("#")[0] or c.id] += 1
    found.names["clips"] = tuple(f"{c.id} ({unusable[c.id]})" for c in bad)
    line = f"{len(bad):,} of {len(all_clips):,} clips cannot be used ({kinds}), in {len(files):,} files: {named(list(files))}"
    for name, clips in (("training", data.train), ("validation", data.validation), ("test", data.test)):
        share = sum(c.id in unusable for c in clips) / max(1, len(clips))
        if share > max_unreadable:
            found.faults.append(
                f"{line}; {share:.1%} of the {name} clips, allowed are {max_unreadable:.1%} (data.max_unreadable): repair or "
                "remove these files, or allow more"
            )
            return found
    if not broken.issuperset(files):
        found.warnings.append(f"{line}; they are left out")
    return found
