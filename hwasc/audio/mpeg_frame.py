"""Headers of MPEG audio frames (ISO/IEC 11172-3, 13818-3)."""

from __future__ import annotations

from dataclasses import dataclass

BIT_RATES = {  # kbit/s by layer, of MPEG-1 and of MPEG-2 and 2.5
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES = (44100, 48000, 32000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the four bytes of a frame's header say.

    Attributes:
        version: 1 for MPEG-1, 2 for MPEG-2, 3 for MPEG-2.5.
        layer: 1 to 3.
        rate: Sample rate in Hz.
        channels: 1 or 2.
        length: Bytes of the frame.
        samples: Samples of each channel.
    """

    version: int
    layer: int
    rate: int
    channels: int
    length: int
    samples: int


def parse(head: bytes) -> Frame | None:
    """Read the header of a frame.

    Args:
        head: Its four bytes.

    Returns:
        What it says; None if it is none, or of the free format.
    """
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version = {3: 1, 2: 2, 0: 3}.get(head[1] >> 3 & 3)
    layer = 4 - (head[1] >> 1 & 3)
    bits, rate = head[2] >> 4, head[2] >> 2 & 3
    if version is None or layer == 4 or bits in (0, 15) or rate == 3:
        return None
    hertz = RATES[rate] >> (version - 1)
    kilobits = BIT_RATES[min(version, 2), layer][bits]
    padding = head[2] >> 1 & 1
    if layer == 1:
        samples, length = 384, (12000 * kilobits // hertz + padding) * 4
    else:
        samples = 576 if layer == 3 and version > 1 else 1152
        length = samples // 8 * 1000 * kilobits // hertz + padding
    return Frame(
        version=version,
        layer=layer,
        rate=hertz,
        channels=1 if head[3] >> 6 == 3 else 2,
        length=length,
        samples=samples,
    )


def side_information(frame: Frame) -> int:
    """Bytes between the header of a frame of layer 3 and its sound.

    Args:
        frame: The frame.

    Returns:
        Their number.
    """
    if frame.version == 1:
        return 17 if frame.channels == 1 else 32
    return 9 if frame.channels == 1 else 17


def are_alike(frame: Frame, other: Frame | None) -> bool:
    """Whether two frames can be of one stream.

    Args:
        frame: A frame.
        other: Another one; None is of no stream.

    Returns:
        Whether version, layer, rate and number of channels are the same.
    """
    return (
        other is not None
        and (frame.version, frame.layer, frame.rate) == (other.version, other.layer, other.rate)
        and frame.channels == other.channels
    )
