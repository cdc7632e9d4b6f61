"""Deterministic changes of the waveforms of clips, and the content hashes of changed clips."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hwasc.audio import noise as noises
from hwasc.audio.noise import Noise
from hwasc.audio.waveform_changes import Wave
from hwasc.data.clips import Clip
from hwasc.data.hashing import MISSING, Progress, content_hashes, file_hashes
from hwasc.records.schema import canonical


class Change(Protocol):
    """A change of each clip's waveform, such as noise or a view.

    What becomes of a clip follows from the change, the clip's id and device, its sound and its partner's, and from nothing else:
    neither the other clips nor their order matter.
    """

    @property
    def least_rate(self) -> int:
        """Sample rate, Hz, at which clips are changed, so that all front ends up to this rate get the same sound. 0: any."""

    def key(self, cache: Path) -> str:
        """All that the change depends on besides the clips. `cache` has the hashes of files."""

    def partner(self, clip: Clip) -> Clip | None:
        """Another clip whose waveform the change of `clip` needs, or None."""

    def only(self, clips: Sequence[Clip]) -> Change:
        """The change with no more than what these clips need, for another process."""

    def apply(self, wave: Wave, clip: Clip, sample_rate: int, partner: Wave | None) -> Wave:
        """Change a clip.

        Args:
            wave: Its samples, (samples,).
            clip: The clip.
            sample_rate: Hz.
            partner: The samples of `partner(clip)`, (samples,).

        Returns:
            (samples,), float32.

        Raises:
            UnreadableClip: A file that the change needs cannot be read.
        """


@dataclass(frozen=True)
class AddedNoise:
    """Noise that is added to each clip, at the sample rate of the front end.

    Attributes:
        noise: The noise.
    """

    noise: Noise
    least_rate: int = 0

    def key(self, cache: Path) -> str:
        """Source (recordings by their content), ratio and seed."""
        files = [str(path) for path, _ in self.noise.files]
        source = list(file_hashes(files, cache).values()) if files else self.noise.source
        return canonical([noises.VERSION, source, self.noise.snr, self.noise.seed])

    def partner(self, clip: Clip) -> Clip | None:
        """None."""
        return None

    def only(self, clips: Sequence[Clip]) -> Change:
        """The change itself."""
        return self

    def apply(self, wave: Wave, clip: Clip, sample_rate: int, partner: Wave | None) -> Wave:
        """Add the noise.

        Args:
            wave: (samples,).
            clip: The clip.
            sample_rate: Hz.
            partner: None.

        Returns:
            The noisy clip, (samples,).

        Raises:
            UnreadableClip: A recording of noise cannot be read, or is silent.
        """
        return self.noise.add_to(wave, clip.id, sample_rate)


def changed_hashes(
    clips: Sequence[Clip], change: Change | None, cache: Path, progress: Progress | None = None
) -> list[str]:
    """Hash clips with what is done to them: two clips with the same hash have the same changed waveform.

    Args:
        clips: The clips.
        change: What is done; None: nothing, then these are `content_hashes`.
        cache: Folder of the index, see `file_hashes`.
        progress: See `content_hashes`.

    Returns:
        32 hexadecimal digits for each clip, or `missing`.
    """
    hashes = content_hashes(clips, cache, progress)
    if change is None:
        return hashes
    key, partners = change.key(cache), [change.partner(clip) for clip in clips]
    mixed = [partner for partner in partners if partner]
    others = iter(content_hashes(mixed, cache) if mixed else [])
    out = []
    for clip, own, partner in zip(clips, hashes, partners, strict=True):
        text = "\0".join([own, key, clip.id, clip.device, next(others) if partner else ""])
        digest = hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
        out.append(MISSING if own == MISSING else digest)
    return out
