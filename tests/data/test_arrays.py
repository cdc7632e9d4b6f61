"""npz files: what their headers ask for is bounded before an array is in memory."""

from __future__ import annotations

import io
import resource
import zipfile
from pathlib import Path

import numpy as np
import pytest

from hwasc.data import arrays, logit_tables, logits
from hwasc.data.arrays import read_arrays, read_headers
from hwasc.errors import DataError

CLASSES = ("bus", "park", "tram")


def npy(header: str, numbers: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    """An .npy file with any header."""
    text = header.encode("latin1") + b"\n"
    size = len(text).to_bytes(2 if version == b"\x01\x00" else 4, "little")
    return b"\x93NUMPY" + version + size + text + numbers


def archive(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return path


def test_headers_tell_types_and_shapes(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=np.zeros((2, 3), np.float32), b=np.array(["x", "yz"]), c=np.float64(3))
    found = read_headers(path)
    assert {name: (h.dtype.str, h.shape) for name, h in found.items()} == {
        "a": ("<f4", (2, 3)),
        "b": ("<U2", (2,)),
        "c": ("<f8", ()),
    }
    assert read_arrays(path, ["b"])["b"].tolist() == ["x", "yz"]


@pytest.mark.parametrize("name", ["logits", "park/a.wav"])
def test_a_member_of_400_megabytes_is_not_read(tmp_path: Path, name: str) -> None:
    """Zeros: 400 MB in a file of 400 kB."""
    path = tmp_path / "l.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("other.npy", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (3,)}", bytes(24)))
        with file.open(f"{name}.npy", "w") as member:
            member.write(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (50000000,)}"))
            for _ in range(50):
                member.write(bytes(8_000_000))
    assert path.stat().st_size < 3_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(
        DataError, match=r"its arrays have 400,000,\d{3} bytes, expected at most 268,435,456; split it up"
    ):
        logit_tables.read(path, CLASSES)
    with pytest.raises(DataError, match="is damaged"):
        logits.load(path, [], [])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 3)}", bytes(24)), "is cut short"),
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-3,)}", bytes(24)), "is cut short"),
        (npy("{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000,)}"), "is cut short"),
        (npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", bytes(24)), "Python objects"),
        (npy("{'descr': 'nonsense', 'fortran_order': False, 'shape': (1,)}"), "descr"),
        (npy("[" * 5000), "Cannot parse header|EOF in multi-line"),
        (npy("{}"), "Header does not contain"),
        (npy("{'descr': '<f8'}", version=b"\x09\x00"), "unknown version|format version"),
        (b"no array", "magic"),
    ],
)
def test_headers_that_no_array_has(tmp_path: Path, content: bytes, said: str) -> None:
    path = archive(tmp_path / "a.npz", logits=content)
    with pytest.raises(DataError, match=f"cannot be read as npz .*({said})") as e:
        read_headers(path)
    assert "\n" not in str(e.value)


def test_what_is_no_npz_file(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    for content, said in (
        (b"", "empty"),
        (b"<html>", "a web page"),
        (b"a,b\n1,2\n", "text"),
        (b"version https://git-lfs", "LFS"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=said):
            read_headers(path)
    with zipfile.ZipFile(path, "w") as file:
        for name in ("a.npy", "a"):
            file.writestr(name, npy("{'descr': '<f8', 'fortran_order': False, 'shape': ()}", bytes(8)))
    with pytest.raises(DataError, match="two arrays 'a'"):
        read_headers(path)


def test_the_number_of_arrays_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "MEMBERS", 2)
    buffer = io.BytesIO()
    np.savez(buffer, a=np.zeros(1), b=np.zeros(1), c=np.zeros(1))
    (tmp_path / "a.npz").write_bytes(buffer.getvalue())
    with pytest.raises(DataError, match="holds 3 arrays, expected at most 2"):
        read_headers(tmp_path / "a.npz")
