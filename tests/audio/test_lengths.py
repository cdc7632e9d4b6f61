"""Lengths are those of what can be decoded, whatever headers say; and all of it can be read."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hwasc.audio.decoder import Decoder
from hwasc.audio.reading import UnreadableClip, clip_count, decode, header, read_clip, read_clips
from tests.audio.odd_files import bare_mp3, chunk, encoded, flac, noise, put, wav

RATE = 8000
WAVE = noise(10 * RATE)
PLAIN = encoded(WAVE, RATE, "WAV", "PCM_16")
SIZE = 2 * len(WAVE)
LIST = chunk(b"LIST", b"INFOISFT" + struct.pack("<I", 6) + b"maker\0")
BEXT = chunk(b"bext", b"a recorder".ljust(602, b"\0"))


def samples(path: Path) -> np.ndarray:
    """All samples, as `decode` gives them."""
    return np.concatenate(list(decode(path)))


def assert_holds(path: Path, content: bytes, wave: np.ndarray, rate: int = RATE) -> None:
    """The file holds the samples, no more, and its last clip is the last second."""
    path.write_bytes(content)
    assert round(header(path).seconds * rate) == len(wave)
    got = samples(path)
    assert got.shape == wave.shape and np.abs(got - wave).max() < 1e-4
    last = clip_count(header(path).seconds, 1.0) - 1
    clip = read_clip(path, last, 1.0, rate)
    assert np.abs(clip - wave[last * rate : (last + 1) * rate, 0]).max() < 1e-4


@pytest.mark.parametrize("stated", [0, 1, 5 * SIZE // 10, SIZE - 4000, SIZE + 4000, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFFFFDB])
@pytest.mark.parametrize("riff", [None, 0, 0xFFFFFFFF])
def test_wav_sizes(tmp_path: Path, stated: int, riff: int | None) -> None:
    assert_holds(tmp_path / "a.wav", wav(PLAIN, stated, riff), WAVE)


@pytest.mark.parametrize(
    "subtype", ["PCM_U8", "PCM_24", "FLOAT", "DOUBLE", "ULAW", "IMA_ADPCM", "MS_ADPCM", "GSM610", "G721_32"]
)
@pytest.mark.parametrize("stated", [0, 20_000])
def test_wav_sizes_of_other_codecs(tmp_path: Path, subtype: str, stated: int) -> None:
    content = encoded(WAVE, RATE, "WAV", subtype)
    (tmp_path / "whole.wav").write_bytes(content)
    assert_holds(tmp_path / "a.wav", wav(content, stated), samples(tmp_path / "whole.wav"))


@pytest.mark.parametrize(
    "tail", [LIST, BEXT, LIST + BEXT, chunk(b"id3 ", b"ID3\4" + bytes(3001)), chunk(b"zzzz", bytes(4000))]
)
@pytest.mark.parametrize("stated", [SIZE, 0, 40_000, 0xFFFFFFFF])
def test_chunks_behind_the_samples_are_not_samples(tmp_path: Path, tail: bytes, stated: int) -> None:
    if stated == 0xFFFFFFFF or (stated != SIZE and tail[:4] == b"zzzz"):
        return  # nothing tells these from samples
    assert_holds(tmp_path / "a.wav", wav(PLAIN, stated) + tail, WAVE)


def test_an_empty_wav_with_chunks_stays_empty(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(PLAIN[:44], 0) + BEXT + LIST)
    assert header(tmp_path / "a.wav").seconds == 0


def test_other_containers(tmp_path: Path) -> None:
    au, caf, w64 = (encoded(WAVE, RATE, kind, "PCM_16") for kind in ("AU", "CAF", "W64"))
    rf64, aiff = encoded(WAVE, RATE, "RF64", "PCM_16"), encoded(WAVE, RATE, "AIFF", "PCM_16")
    for k, stated in enumerate((0, 60_000, 0xFFFFFFFF)):
        assert_holds(tmp_path / f"{k}.au", put(au, 8, ">I", stated), WAVE)
        assert_holds(tmp_path / f"{k}.aiff", put(aiff, aiff.find(b"SSND") + 4, ">I", stated), WAVE)
        assert_holds(tmp_path / f"{k}.w64", put(w64, w64.find(b"data") + 16, "<Q", stated), WAVE)
    for k, stated in enumerate((0, 60_000, 10**12, 2**64 - 1)):
        assert_holds(tmp_path / f"{k}.rf64", put(rf64, 28, "<Q", stated), WAVE)
        assert_holds(tmp_path / f"{k}.caf", put(caf, caf.find(b"data") + 4, ">Q", stated), WAVE)
    assert_holds(tmp_path / "b.rf64", b"BW64" + rf64[4:], WAVE)
    assert_holds(
        tmp_path / "c.w64",
        w64 + b"levl\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a" + struct.pack("<Q", 4024) + bytes(4000),
        WAVE,
    )


@pytest.mark.parametrize("frames", [2**31 + 4000, 2**31 - 18 + 5 * RATE, 2**32 + 12345])
@pytest.mark.parametrize("tail", [b"", BEXT])
def test_wav_beyond_4_gib(tmp_path: Path, frames: int, tail: bytes) -> None:
    size = 2 * frames
    path = tmp_path / "a.wav"
    with path.open("wb") as f:  # sparse
        f.write(wav(PLAIN[:44], size & 0xFFFFFFFF))
        f.seek(44 + size - SIZE)
        f.write(PLAIN[44:] + tail)
    assert round(header(path).seconds * RATE) == frames
    clip = read_clip(path, (frames - len(WAVE)) / RATE, 1.0, RATE)
    assert np.abs(clip - WAVE[:RATE, 0]).max() < 1e-4


@pytest.mark.parametrize("stated", [0, 1, 40_000, 2**36 - 1])
@pytest.mark.parametrize("channels", [1, 2])
def test_flac_without_its_length(tmp_path: Path, stated: int, channels: int) -> None:
    wave = noise(10 * RATE + 123, channels)
    path = tmp_path / "a.flac"
    path.write_bytes(flac(encoded(wave, RATE, "FLAC"), stated))
    assert round(header(path).seconds * RATE) == len(wave)
    assert np.abs(samples(path) - wave).max() < 1e-4
    assert np.abs(read_clip(path, 9.0, 1.0, RATE) - wave[9 * RATE : 10 * RATE].mean(1)).max() < 1e-4


@pytest.mark.parametrize("stated", [0, len(WAVE)])
def test_truncated_flac(tmp_path: Path, stated: int) -> None:
    content = flac(encoded(WAVE, RATE, "FLAC"), stated)
    path = tmp_path / "a.flac"
    path.write_bytes(content[: len(content) * 6 // 10])
    length = header(path).seconds
    assert 5 < length < 6.5
    got = 0
    with (
        pytest.raises(UnreadableClip) if stated else np.errstate()
    ):  # without a length nobody knows that something is missing
        for block in decode(path, 4096):
            got += len(block)
    assert got == round(length * RATE)
    assert np.abs(read_clip(path, 4.0, 1.0, RATE) - WAVE[4 * RATE : 5 * RATE, 0]).max() < 1e-4


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_mp3_without_a_header_of_its_length(tmp_path: Path, rate: int, mode: str) -> None:
    levels = np.repeat([1e-3, 3.0, 1e-4, 1.0], 2 * rate)[:, None]  # a VBR file of which the first frames tell little
    whole = encoded(noise(8 * rate) * levels, rate, "MP3", bitrate_mode=mode, compression_level=0.5)
    (tmp_path / "whole.mp3").write_bytes(whole)
    expected = samples(tmp_path / "whole.mp3")
    tag = b"ID3\4\0\0" + bytes([0, 0, 3, 0]) + bytes(384)
    for name, content in {"bare": bare_mp3(whole), "tags": tag + bare_mp3(whole) + b"TAG".ljust(128)}.items():
        path = tmp_path / f"{name}.mp3"
        path.write_bytes(content)
        got = samples(path)
        assert round(header(path).seconds * rate) == len(got) >= len(expected)
        assert (
            np.abs(got[1105 : 1105 + len(expected)] - expected).max() < 1e-6
        )  # 1105: the delay, known from the header alone
        assert len(read_clip(path, 7.0, 1.0, rate)) == rate


def test_mp3_cut_damaged_and_joined(tmp_path: Path) -> None:
    whole = encoded(noise(8 * 22050), 22050, "MP3")
    cases = {
        "cut": whole[: len(whole) // 2],
        "junk": whole[:9000] + b"\x37" * 5000 + whole[9000:],
        "twice": whole + whole,
    }
    lengths = {}
    for name, content in cases.items():
        path = tmp_path / f"{name}.mp3"
        path.write_bytes(content)
        lengths[name] = header(path).seconds
        got = 0
        with pytest.raises(UnreadableClip) if name != "twice" else np.errstate():
            for block in decode(path):
                got += len(block)
        assert got == round(lengths[name] * 22050), name
    assert lengths["cut"] == pytest.approx(4, abs=0.1) and lengths["twice"] == pytest.approx(16, abs=0.2)
    assert lengths["junk"] == pytest.approx(8, abs=0.2)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_of_several_streams_and_cut(tmp_path: Path, subtype: str) -> None:
    one, two = noise(4 * 48000), noise(3 * 48000, seed=1)
    parts = [encoded(w, 48000, "OGG", subtype) for w in (one, two)]
    for name, content in {"a": parts[0], "b": parts[1], "ab": parts[0] + parts[1], "aa": parts[0] * 2}.items():
        (tmp_path / f"{name}.ogg").write_bytes(content)
    separate = {name: samples(tmp_path / f"{name}.ogg") for name in "ab"}
    for name in ("ab", "aa"):
        path = tmp_path / f"{name}.ogg"
        assert np.array_equal(samples(path), np.concatenate([separate[k] for k in name]))
        assert header(path).seconds == sum(len(separate[k]) for k in name) / 48000
        assert np.abs(read_clip(path, 5.0, 1.0, 48000) - separate[name[1]][48000:96000, 0]).max() < 1e-6
    path = tmp_path / "cut.ogg"
    path.write_bytes(parts[0][: len(parts[0]) // 2])
    assert len(samples(path)) == round(header(path).seconds * 48000) > 24000


UNSEEKABLE = [
    ("WAV", "GSM610"),
    ("W64", "GSM610"),
    ("WAV", "G721_32"),
    ("AU", "G723_24"),
    ("AU", "G723_40"),
    ("AIFF", "DWVW_16"),
]


@pytest.mark.parametrize("kind, subtype", [*UNSEEKABLE, ("WAV", "NMS_ADPCM_16")])
def test_codecs_that_libsndfile_cannot_seek(tmp_path: Path, kind: str, subtype: str) -> None:
    path = tmp_path / f"a.{kind.lower()}"
    path.write_bytes(encoded(WAVE, RATE, kind, subtype))
    expected = samples(path)
    assert len(expected) == round(header(path).seconds * RATE) >= 10 * RATE
    for start in (3.0, 0.0, 9.0):
        clip = read_clip(path, start, 1.0, RATE)
        assert np.array_equal(clip, expected[round(start * RATE) : round(start + 1) * RATE, 0])


@pytest.mark.parametrize(
    "kind, subtype", [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", None), ("WAV", "GSM610")]
)
def test_clips_of_one_pass_are_those_of_single_reads(tmp_path: Path, kind: str, subtype: str | None) -> None:
    path = tmp_path / f"a.{kind.lower()}"
    path.write_bytes(encoded(WAVE, RATE, kind, subtype))
    starts = [2.0, 3.0, 4.0, 8.5, 1.0, 30.0]
    together = list(read_clips(path, starts, 1.0, RATE))
    assert isinstance(together[-1], UnreadableClip) and "too short" in str(together[-1])
    for start, wave in zip(starts[:-1], together, strict=False):
        assert isinstance(wave, np.ndarray)
        assert np.abs(wave - read_clip(path, start, 1.0, RATE)).max() < 1e-7
    with soundfile.SoundFile(path) as f:
        assert kind == "MP3" or np.array_equal(np.concatenate(together[:3]), samples(path)[2 * RATE : 5 * RATE, 0]), f


def test_a_file_that_is_decoded_in_order_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(encoded(WAVE, RATE, "WAV", "GSM610"))
    expected = samples(path)
    decoded = []
    following = Decoder.next
    monkeypatch.setattr(Decoder, "next", lambda self, frames: decoded.append(frames) or following(self, frames))
    for first in (0, 4, 8):
        for k, wave in enumerate(read_clips(path, [first, first + 1.0], 1.0, RATE), first):
            assert np.array_equal(wave, expected[k * RATE : (k + 1) * RATE, 0])
    assert sum(decoded) == 10 * RATE
    path.write_bytes(encoded(-WAVE, RATE, "WAV", "GSM610") + LIST)  # another file of the same name
    assert np.corrcoef(read_clip(path, 8.0, 1.0, RATE), expected[8 * RATE : 9 * RATE, 0])[0, 1] < -0.5


@pytest.mark.parametrize(
    "tail", [b"ID3\4" + bytes(range(1, 200)) * 30, b"TAG" + b"title".ljust(125, b"\0"), bytes(20_000), bytes(2)]
)
def test_tags_and_reserved_space_behind_the_samples_are_not_samples(tmp_path: Path, tail: bytes) -> None:
    assert_holds(tmp_path / "a.wav", PLAIN + tail, WAVE)
