"""RAM of the exported C code, from microphone to class: the size of its one struct, to the byte.

`scene_state` in hwasc/deploy/firmware/sources/scene.h is the same on all processors. Its scratch memory is the front end's while
samples come in and the net's at a decision. A frame whose window begins before the clip or ends after it is the clip's own, since
samples there are zero or mirrored; the frames between are shared by clips that overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

from hwasc.cost.alignment import align
from hwasc.errors import UsageError
from hwasc.records.front_end import FrontEnd

WORD = 8  # bytes, the alignment of the struct and of its scratch memory
COUNTERS = 9 * 4  # bytes
LOGIT = 4 + 1  # bytes a class: smoothed, as the net gave it
PLACE = 2  # bytes a frame: where it is among the stored ones
SAMPLE = 2  # bytes
COLUMNS = 65_535  # stored frames at most: a place has 16 bits


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames that a stream stores.

    Attributes:
        head: First frames of a clip, whose windows begin before it.
        pending: Clips whose first frames are stored at once.
        shared: Frames between, which clips share.
        tail: Last frames of a clip, whose windows end after it.
    """

    head: int
    pending: int
    shared: int
    tail: int

    @property
    def stored(self) -> int:
        """How many there are."""
        return self.head * self.pending + self.shared + self.tail


@dataclass(frozen=True, slots=True)
class StateBytes:
    """Bytes of the struct by part.

    Attributes:
        audio: The ring of samples; 0 where it is a part of `scratch`.
        features: The stored int8 frames.
        scratch: Of the front end and the net, which share it.
        other: Counters, logits, places of the frames, and the padding.
        padding: Bytes at the end that make the size a multiple of a word.
    """

    audio: int
    features: int
    scratch: int
    other: int
    padding: int

    @property
    def total(self) -> int:
        """The size of the struct."""
        return self.audio + self.features + self.scratch + self.other


def decision_hop(front_end: FrontEnd, seconds: float | None = None) -> int:
    """Samples from decision to decision.

    Args:
        front_end: Of the net.
        seconds: What is asked for, s; None: each clip is decided once, so that it is the clip's length, rounded up.

    Returns:
        A multiple of the front end's hop, the nearest one.
    """
    if seconds is None:
        return align(front_end.samples, front_end.hop)
    return front_end.hop * max(1, round(seconds * front_end.sample_rate / front_end.hop))


def samples_before(front_end: FrontEnd) -> int:
    """Samples of a clip's first window that lie before the clip."""
    if front_end.edges == "none":
        return 0
    return front_end.n_fft // 2 - (front_end.n_fft - front_end.window) // 2


def samples_of_frame(front_end: FrontEnd) -> int:
    """Samples that a frame is computed from: its window, and what of it is mirrored at a clip's begin, and emphasised."""
    mirrored = 2 * samples_before(front_end) + 1 if front_end.edges == "reflect" else 0
    return max(front_end.window, mirrored) + _ahead(front_end)


def samples_needed(front_end: FrontEnd) -> int:
    """Samples of a clip until all windows of its frames have ended: the clip, or what of it the frames need."""
    last = (front_end.frames - 1) * front_end.hop + front_end.window - samples_before(front_end)
    return min(front_end.samples, last + _ahead(front_end))


def _ahead(front_end: FrontEnd) -> int:
    """Samples by which the pre-emphasis of a clip looks ahead."""
    return front_end.samples - front_end.emphasised


def stored_frames(front_end: FrontEnd, decision_hop: int) -> Frames:
    """Count the frames that a stream stores.

    Args:
        front_end: Of the net.
        decision_hop: Samples from decision to decision, a multiple of the front end's hop.

    Returns:
        The frames.

    Raises:
        UsageError: The hop is no such multiple, or so short that too many frames are stored.
    """
    if decision_hop < front_end.hop or decision_hop % front_end.hop:
        raise UsageError(
            f"a decision each {decision_hop:,} samples: name a multiple of {front_end.hop:,}, the samples from frame to frame"
        )
    before = samples_before(front_end)
    # the last window for which there are all samples when the clip is decided begins here
    room = samples_needed(front_end) + before - samples_of_frame(front_end)
    tail_begin = 0 if room < 0 else min(front_end.frames, room // front_end.hop + 1)
    head = min(tail_begin, -(-before // front_end.hop))
    pending = 1 + room // decision_hop if head else 0
    found = Frames(head, pending, tail_begin - head, front_end.frames - tail_begin)
    if found.stored > COLUMNS:
        raise UsageError(
            f"a decision each {decision_hop:,} samples needs {found.stored:,} stored frames, {COLUMNS:,} is the most; "
            "decide less often"
        )
    return found


def state_bytes(
    front_end: FrontEnd, decision_hop: int, net_bytes: int, front_end_bytes: int, classes: int
) -> StateBytes:
    """Count the bytes of the struct.

    Args:
        front_end: Of the net.
        decision_hop: Samples from decision to decision, a multiple of the front end's hop.
        net_bytes: The net's memory, `RowPlan.size`.
        front_end_bytes: The front end's scratch memory.
        classes: Scenes.

    Returns:
        Its parts; their sum is `sizeof(scene_state)`.

    Raises:
        UsageError: The decision hop does not fit the front end.
    """
    frames = stored_frames(front_end, decision_hop)
    audio = align(samples_of_frame(front_end), WORD // SAMPLE) * SAMPLE
    net, frame = (max(WORD, align(size, WORD)) for size in (net_bytes, front_end_bytes))
    # Clips that do not overlap leave no samples over at a decision, so that the net may run in their place
    alone = decision_hop < samples_needed(front_end)
    scratch = max(net, frame if alone else frame + audio)
    features = frames.stored * front_end.mels
    other = COUNTERS + LOGIT * classes + PLACE * front_end.frames + 1  # 1: whether there was a decision
    fixed = scratch + features + (audio if alone else 0)
    end = align(fixed + other + 1, WORD) - fixed - other  # C has no empty array, so 1 to 8
    return StateBytes(audio if alone else 0, features, scratch, other + end, padding=end)
