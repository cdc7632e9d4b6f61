"""Views: each clip as it could have sounded at another level, another device, in noise, or mixed with another clip.

A view is made in the waveform, at one sample rate for all front ends. So everything that takes sound gets the same view: the
student through its log-mel, each teacher through its own front end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from hwasc.audio.equaliser import draw_responses, equalised_waveform
from hwasc.audio.noise import COLOURS, Colour, coloured_noise
from hwasc.audio.reading import UnreadableClip
from hwasc.audio.waveform_changes import (
    Wave,
    amplified,
    impulse_response,
    mixture,
    recorded_through,
    response_files,
    shifted,
    with_noise,
)
from hwasc.data.changes import Change
from hwasc.data.clips import Clip
from hwasc.data.hashing import file_hashes
from hwasc.errors import DataError
from hwasc.records.data_settings import AugmentSettings
from hwasc.records.schema import canonical

VERSION = 1  # part of every draw and hash
SAMPLE_RATE = 48_000  # Hz; at least that of any published front end


@dataclass(frozen=True, kw_only=True)
class Draw:
    """What one view does to one clip.

    Attributes:
        shift: Circular shift in time as a share of the clip.
        share: Of the clip in a mixture, above 0 to 1; 1: it is not mixed.
        partner: Which of the possible partners it is mixed with, 0 to below 1.
        response: Which of the impulse responses it is recorded through, 0 to below 1; None: none.
        decibels: Gain, dB.
        snr: Ratio to the noise, dB; None: no noise.
        colour: Of the noise.
        seed: Of the equaliser and of the noise's samples.
    """

    shift: float
    share: float
    partner: float
    response: float | None
    decibels: float
    snr: float | None
    colour: Colour
    seed: int


@dataclass(frozen=True, kw_only=True)
class View:
    """One view of each clip, as a `data.changes.Change`.

    In order: shift, mixture, impulse response, equaliser and band limits, noise, gain. The strengths are those of
    `AugmentSettings`, without Freq-MixStyle and mask, which are no changes of a sound. The draws of a clip follow from the seed,
    the number of the view, and the clip's id.

    Attributes:
        settings: What is done, how strongly and how often.
        seed: Of all draws.
        number: Of the view, from 0.
        responses: Files of impulse responses, in order.
        partners: What mixed clips are mixed with, by id.
    """

    settings: AugmentSettings
    seed: int
    number: int
    responses: tuple[Path, ...] = ()
    partners: Mapping[str, Clip] = field(default_factory=dict)

    @property
    def least_rate(self) -> int:
        """48 kHz."""
        return SAMPLE_RATE

    def key(self, cache: Path) -> str:
        """Strengths, seed, number, and the content of the impulse responses."""
        files = [str(path) for path in self.responses]
        content = list(file_hashes(files, cache).values()) if files else []
        strengths = replace(self.settings, mixstyle_p=0.0, mixstyle_alpha=1.0, mask=0.0, response_folder=None)
        return canonical([VERSION, strengths, self.seed, self.number, content])

    def partner(self, clip: Clip) -> Clip | None:
        """The clip that `clip` is mixed with."""
        return self.partners.get(clip.id)

    def only(self, clips: Sequence[Clip]) -> Change:
        """The view with these clips' partners."""
        return replace(self, partners={c.id: self.partners[c.id] for c in clips if c.id in self.partners})

    def apply(self, wave: Wave, clip: Clip, sample_rate: int, partner: Wave | None) -> Wave:
        """Make the view of a clip.

        Args:
            wave: (samples,).
            clip: The clip.
            sample_rate: Hz.
            partner: Samples of what it is mixed with, or None.

        Returns:
            (samples,), float32; values may exceed full scale.

        Raises:
            DataError: An impulse response cannot be read.
        """
        s, draw = self.settings, self.draw(clip.id)
        wave = shifted(wave, draw.shift)
        if partner is not None:
            wave = mixture(wave, partner, draw.share)
        if (
            self.responses
            and draw.response is not None
            and (clip.device in s.response_devices or not s.response_devices)
        ):
            file = self.responses[int(draw.response * len(self.responses))]
            try:
                wave = recorded_through(wave, impulse_response(file, sample_rate))
            except UnreadableClip as e:
                raise DataError(f"{file}: cannot be used as an impulse response ({e})") from None
        device = draw_responses(1, torch.Generator().manual_seed(draw.seed), s)
        if device.changed().any():
            wave = equalised_waveform(torch.from_numpy(wave)[None], device, sample_rate)[0].numpy()
        if draw.snr is not None:
            noise = coloured_noise(draw.colour, len(wave), sample_rate, np.random.default_rng(draw.seed))
            wave = with_noise(wave, noise, draw.snr)
        return amplified(wave, draw.decibels)

    def draw(self, clip: str) -> Draw:
        """Draw what is done to a clip; the same numbers are drawn whatever the strengths are.

        Args:
            clip: Its id.

        Returns:
            The draws.
        """
        s = self.settings
        text = f"{VERSION}\0{self.seed}\0{self.number}\0{clip}".encode("utf-8", "surrogateescape")
        rng = np.random.default_rng(list(hashlib.sha256(text).digest()))
        u, share, seed = rng.uniform(size=9), float(rng.beta(s.mixup_alpha, s.mixup_alpha)), int(rng.integers(2**62))
        low, high = s.noise_snr
        return Draw(
            shift=s.roll * float(2 * u[0] - 1),
            share=share if u[1] < s.mixup_p and share > 0 else 1.0,
            partner=float(u[2]),
            response=float(u[3]) if u[4] < s.response_p else None,
            decibels=s.gain * float(2 * u[5] - 1),
            snr=low + (high - low) * float(u[6]) if u[7] < s.noise_p else None,
            colour=COLOURS[int(u[8] * len(COLOURS))],
            seed=seed,
        )

    def labels(self, clips: Sequence[Clip], classes: Sequence[str]) -> np.ndarray:
        """Labels of the clips in this view: those of a mixture are shared as its levels are.

        Args:
            clips: n clips.
            classes: The scenes.

        Returns:
            (n, classes) float32, each row with sum 1.
        """
        number = {scene: i for i, scene in enumerate(classes)}
        out = np.zeros((len(clips), len(classes)), np.float32)
        for row, clip in zip(out, clips, strict=True):
            partner = self.partner(clip)
            share = self.draw(clip.id).share if partner else 1.0
            row[number[clip.scene]] += share
            if partner:
                row[number[partner.scene]] += 1 - share
        return out


def in_log_mel(settings: AugmentSettings) -> AugmentSettings:
    """What remains to be done in log-mel to batches of clips whose views were made in the waveform: Freq-MixStyle and mask."""
    return replace(
        settings, roll=0.0, gain=0.0, response_p=0.0, equaliser_p=0.0, band_limit_p=0.0, noise_p=0.0, mixup_p=0.0
    )


def make_views(
    clips: Sequence[Clip],
    groups: Sequence[Hashable],
    settings: AugmentSettings,
    *,
    seed: int,
    count: int,
    responses: Path | None = None,
) -> tuple[View, ...]:
    """Define views of clips.

    Args:
        clips: The clips; each may be mixed with any other one of its group, whatever their order.
        groups: The group of each clip, such as its fold: a teacher that was trained on no clip of a fold knows no part of a
            mixture of its clips.
        settings: What is done, how strongly and how often.
        seed: Of all draws.
        count: Number of views.
        responses: Folder of impulse responses, or None.

    Returns:
        The views.

    Raises:
        DataError: The folder has no impulse responses.
    """
    files = tuple(response_files(responses)) if responses else ()
    members: dict[Hashable, list[Clip]] = {}
    for clip, group in sorted(zip(clips, groups, strict=True), key=lambda pair: pair[0].id):
        members.setdefault(group, []).append(clip)

    def view(number: int) -> View:
        alone = View(settings=settings, seed=seed, number=number, responses=files)
        return replace(alone, partners=_partners(alone, members.values()))

    return tuple(view(number) for number in range(count))


def _partners(view: View, groups: Iterable[Sequence[Clip]]) -> dict[str, Clip]:
    out = {}
    for group in groups:
        for i, clip in enumerate(group):
            draw = view.draw(clip.id)
            if draw.share < 1 and len(group) > 1:
                other = int(draw.partner * (len(group) - 1))
                out[clip.id] = group[other + (other >= i)]
    return out
