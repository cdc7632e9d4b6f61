"""ONNX Runtime for browsers: two files of the npm package onnxruntime-web, from the user's own copy of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from hwasc.errors import DataError, HwascError, UsageError
from hwasc.records import schema
from hwasc.records.bounded import MIB, read_bytes

PACKAGE = "onnxruntime-web"
TESTED = "1.30.0"
# The smallest build: the CPU alone, in WebAssembly. SHA-256 of the tested version.
FILES = {
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
BYTES = 64 * MIB  # of a file, at most
ADVICE = f"run `npm install {PACKAGE}@{TESTED}` here, or name a copy by --onnxruntime-web"


@dataclass(frozen=True, kw_only=True)
class RuntimeFiles:
    """A copy of the package.

    Attributes:
        version: Of the package.
        files: Contents by name.
    """

    version: str
    files: dict[str, bytes]


def runtime_files(folder: str | Path | None = None) -> RuntimeFiles:
    """Read the files that a page needs.

    Args:
        folder: Of the package; None: see `WebOptions`.

    Returns:
        The files.

    Raises:
        UsageError: There is no such package.
        DataError: It has other files, or those of the tested version were changed.
    """
    found = _nearest() if folder is None else Path(folder)
    about = found / "package.json"
    if not about.is_file():
        raise UsageError(f"{found}: is no copy of the npm package {PACKAGE}; {ADVICE}")
    try:
        record = schema.parse_json(read_bytes(about, "package.json", MIB), str(about))
        files = {name: read_bytes(found / "dist" / name, f"file of {PACKAGE}", BYTES) for name in FILES}
    except HwascError as e:
        raise DataError(f"{e}; {ADVICE}") from None
    named = (record.get("name"), record.get("version")) if isinstance(record, dict) else (None, None)
    if named[0] != PACKAGE or not isinstance(named[1], str):
        raise DataError(f"{about}: is of another package than {PACKAGE}; {ADVICE}")
    for name, digest in FILES.items():
        if named[1] == TESTED and hashlib.sha256(files[name]).hexdigest() != digest:
            raise DataError(f"{found / 'dist' / name}: is not the file of {PACKAGE} {TESTED}; {ADVICE}")
    return RuntimeFiles(version=named[1], files=files)


def _nearest() -> Path:
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (found := folder / "node_modules" / PACKAGE).is_dir():
            return found
    raise UsageError(f"format web copies ONNX Runtime for browsers, which is not here; {ADVICE}")
