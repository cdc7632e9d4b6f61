"""Embedding nets: what they give of known weights, which tensor, which order of axes, and which files are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hwasc.deploy import litert_check
from hwasc.ensemble.embedding.computing import Embedding, check
from hwasc.ensemble.embedding.inputs import NetInput, net_input
from hwasc.ensemble.embedding.nets import NetFile, open_net
from hwasc.errors import DataError, UsageError
from hwasc.records.front_end import FrontEnd
from hwasc.records.waveform import Waveform
from tests.ensemble.embedding.little_nets import SIZE, hidden, onnx_net, tflite_net

SHAPE = (6, 4)  # frames, mels
FE = FrontEnd.for_clip(4, 6)


def as_onnx(folder: Path, batch: int | str = "clips") -> Path:
    return onnx_net(folder / f"{batch}.onnx", SHAPE, inputs=24, batch=batch)


def as_tflite(folder: Path) -> Path:
    return tflite_net(folder / "net.tflite", SHAPE)


def clips(count: int = 3) -> np.ndarray:
    return (np.random.default_rng(0).integers(-64, 64, (count, *SHAPE)) / 32).astype(np.float32)


@pytest.mark.parametrize(("make", "step"), [(as_onnx, 1e-4), (as_tflite, 1 / 8)], ids=["onnx", "tflite"])
def test_tensors_by_name_number_and_default(make: Callable[[Path], Path], step: float, tmp_path: Path) -> None:
    path, x = make(tmp_path), clips()
    inside, last = open_net(NetFile(path=path, tensor="hidden")), open_net(NetFile(path=path))
    assert inside.shape == SHAPE
    np.testing.assert_allclose(inside.embed(x), hidden(x), atol=step)  # an int8 tensor times its scale
    np.testing.assert_allclose(last.embed(x), 2 * hidden(x), atol=2 * step)
    numbered = open_net(NetFile(path=path, tensor=0 if make is as_onnx else 6))
    np.testing.assert_array_equal(numbered.embed(x), last.embed(x))
    with pytest.raises(UsageError, match="tensor 'hiden', did you mean 'hidden'?"):
        open_net(NetFile(path=path, tensor="hiden"))
    with pytest.raises(UsageError, match="77"):
        open_net(NetFile(path=path, tensor=77))


def test_onnx_with_a_batch_of_one(tmp_path: Path) -> None:
    free, one = (open_net(NetFile(path=as_onnx(tmp_path, batch))) for batch in ("clips", 1))
    np.testing.assert_allclose(free.embed(clips()), one.embed(clips()), atol=1e-5)
    with pytest.raises(DataError, match="takes 2 clips at once"):
        open_net(NetFile(path=as_onnx(tmp_path, 2)))


@pytest.mark.parametrize(
    ("shape", "axes", "length"),
    [
        ((1, 4, 6), "1mf", 6),
        ((1, None, 4), "1fm", 6),
        ((9, 4), "fm", 9),
        ((4, None), "mf", 6),
        ((5, 4, 1), "fm1", 5),
        ((4, 4), "mf", 4),
        ((None, None), "mf", 6),
    ],
)
def test_axes_follow_from_the_shape(shape: tuple[int | None, ...], axes: str, length: int) -> None:
    assert net_input(shape, FE, "net") == NetInput(axes=axes, length=length)


def test_axes_of_waveforms() -> None:
    wave = Waveform(sample_rate=16_000, seconds=1.0)
    assert net_input((None,), wave, "net") == NetInput(axes="s", length=16_000)
    assert net_input((1, 15_600), wave, "net") == NetInput(axes="1s", length=15_600)
    with pytest.raises(DataError, match=r"net: takes \(96, 64\).*gives 16,000 samples \(waveform at 16,000 Hz\)"):
        net_input((96, 64), wave, "net")
    with pytest.raises(DataError, match=r"net: takes \(96, 64\).*gives 4 mel bands x 6 frames"):
        net_input((96, 64), FE, "net")


def test_windows_cover_a_clip_and_short_clips_are_repeated() -> None:
    taken = NetInput(axes="1fm", length=4)
    assert taken.starts(4) == taken.starts(3) == [0]
    assert taken.starts(5) == [0], "one frame more is no window more"
    assert taken.starts(8) == [0, 2, 4] and taken.starts(6) == [0, 2]
    x = np.arange(2 * 3 * 8, dtype=np.float32).reshape(2, 3, 8)
    windows = taken.windows(x)
    assert windows.shape == (6, 1, 4, 3)
    np.testing.assert_array_equal(windows[4, 0], x[1, :, 2:6].T)
    np.testing.assert_array_equal(taken.windows(x[..., :3])[0, 0], x[0, :, [0, 1, 2, 0]])


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("net.pt", b"", UsageError, "code"),
        ("net.h5", b"", UsageError, r"\.onnx or a \.tflite"),
        ("net.onnx", b"no model", DataError, "no model"),
        ("net.tflite", b"no model at all", DataError, "no model that LiteRT can run"),
    ],
)
def test_other_files_are_refused(
    name: str, content: bytes, error: type[Exception], message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=message):
        open_net(NetFile(path=tmp_path / name))
    with pytest.raises(UsageError, match="there is no such net"):
        open_net(NetFile(path=tmp_path / "absent.onnx"))


def test_a_damaged_file_crashes_no_more_than_a_child(tmp_path: Path) -> None:
    path = as_tflite(tmp_path)
    litert_check.check(path)
    assert check(Embedding(net=NetFile(path=path, tensor="hidden"), hash="", front_end=FE)) == SIZE
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 3] + b"\xff" * 64 + data[len(data) // 3 + 64 :])
    with pytest.raises(DataError, match="no model that LiteRT can run"):
        litert_check.check(path)
