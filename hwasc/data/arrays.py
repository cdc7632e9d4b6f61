"""Arrays in npz files, with a bound on their size that is checked before any of them is read."""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hwasc.errors import DataError
from hwasc.records.bounded import MIB, described, reason

NPZ_BYTES = 256 * MIB  # of all arrays of a file, unpacked; a million clips of ten classes have 80 MB of logits
MEMBERS = 1_000_000  # arrays of a file
BROKEN = (
    OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError,
    SyntaxError, MemoryError, tokenize.TokenError,  # numpy reads a header as a Python literal
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ArrayHeader:
    """What an npz file says about an array.

    Attributes:
        dtype: Type of its elements.
        shape: Its shape.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]


def read_headers(path: Path) -> dict[str, ArrayHeader]:
    """Read the types and shapes of the arrays of a file, and no array.

    Args:
        path: The npz file.

    Returns:
        Headers by name, in the file's order.

    Raises:
        FileNotFoundError: There is no such file.
        DataError: It is no npz file, is damaged, or its arrays are too large or are Python objects.
    """
    headers: dict[str, ArrayHeader] = {}
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MEMBERS:
                raise DataError(f"{path}: holds {len(members):,} arrays, expected at most {MEMBERS:,}")
            total = sum(m.file_size for m in members)
            if total > NPZ_BYTES:
                raise DataError(f"{path}: its arrays have {total:,} bytes, expected at most {NPZ_BYTES:,}; split it up")
            for member in members:
                name = member.filename.removesuffix(".npy")
                if name in headers:
                    raise DataError(f"{path}: holds two arrays '{name}'")
                headers[name] = _header(archive, member)
    except FileNotFoundError:
        raise
    except BROKEN as e:
        why = described(path, reason(e)) if isinstance(e, zipfile.BadZipFile) else reason(e)
        raise DataError(f"{path}: cannot be read as npz ({why})") from None
    return headers


def read_arrays(path: Path, names: Collection[str]) -> Mapping[str, npt.NDArray[Any]]:
    """Read arrays of a file whose headers were checked.

    Args:
        path: The npz file.
        names: Of the arrays.

    Returns:
        The arrays by name.

    Raises:
        DataError: One is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}
    except BROKEN as e:
        raise DataError(f"{path}: cannot be read as npz ({reason(e)})") from None


def texts(array: npt.NDArray[Any], path: Path, what: str) -> list[str]:
    """The elements of an array of texts.

    Args:
        array: One dimension of text or bytes (UTF-8; other bytes are kept as half characters).
        path: The file, for messages.
        what: The array's name, for messages.

    Returns:
        The texts.

    Raises:
        DataError: It is an array of something else.
    """
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise DataError(f"{path}: '{what}' is {array.dtype} of shape {array.shape}, expected a list of texts")
    return [t.decode("utf-8", "surrogateescape") if isinstance(t, bytes) else str(t) for t in array.tolist()]


def _header(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> ArrayHeader:
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        elif version in ((2, 0), (3, 0)):
            shape, _, dtype = np.lib.format.read_array_header_2_0(file)
        else:
            raise ValueError(f"'{member.filename}' is of an unknown version")
    if dtype.hasobject:
        raise ValueError(f"'{member.filename}' holds Python objects, for which code would have to run")
    # numpy makes an array of the shape before it reads the numbers
    if any(n < 0 for n in shape) or math.prod(shape) * max(dtype.itemsize, 1) > member.file_size:
        raise ValueError(f"'{member.filename}' is cut short; its header says {shape} of {dtype}")
    return ArrayHeader(dtype=dtype, shape=tuple(shape))
