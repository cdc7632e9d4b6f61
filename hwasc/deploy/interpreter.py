"""Interpreters of .tflite files, each in a child process: TensorFlow Lite Micro, which runs on the chip, and LiteRT's reference
kernels, which agree with it bit for bit.
"""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hwasc.deploy.flatfile import read_metadata
from hwasc.errors import DataError, HwascError
from hwasc.records import schema
from hwasc.records.architecture import Architecture

Name = Literal["tflm", "litert-ref"]
PACKAGES = {  # what each is installed as, imported as, and where to get it
    "tflm": (
        "tflite-micro",
        "tflite_micro",
        "TensorFlow Lite Micro: pip install 'hwasc[tflm]' (wheels exist for Linux on x86-64",
    ),
    "litert-ref": (
        "ai-edge-litert",
        "ai_edge_litert",
        "LiteRT: pip install 'hwasc[litert]' (wheels exist for 64-bit Linux and macOS",
    ),
}
ARENA = 16 << 20  # bytes; the host has plenty, and the report says what was needed
STEP = 16  # bytes: the arena's alignment
SECONDS = 60.0  # a damaged file can also keep the interpreter busy for ever


@dataclass(frozen=True)
class Allocation:
    """Bytes of the arena as the interpreter allocated them: head (activations, scratch), tail (its structs), total."""

    head: int
    tail: int
    total: int


@dataclass(frozen=True)
class Details:
    """The int8 input or output of a loaded file: shape, and real value = scale x (stored - zero_point)."""

    shape: tuple[int, ...]
    scale: float
    zero_point: int


NOTHING = Details((), 1.0, 0)


class Interpreter:
    """A child process that runs one file after the other; use as a context manager.

    Raises HwascError where the interpreter is not installed. A child that a file has ended is started anew for the next.
    """

    def __init__(self, name: Name = "tflm", seconds: float = SECONDS) -> None:
        _, module, words = PACKAGES[name]
        if importlib.util.find_spec(module) is None:
            raise HwascError(f"running .tflite files this way needs {words}; the rest of hwasc works without)")
        self._name, self._seconds, self._said = name, seconds, ""
        self._child: subprocess.Popen[bytes] | None = None
        self._errors: Any = None
        self._path = Path()
        self.input = self.output = NOTHING

    def __enter__(self) -> Interpreter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(self, path: Path, arena: int = ARENA) -> None:
        """Load a file into an arena of so many bytes (LiteRT takes what it needs).

        DataError, one line, for files that the interpreter cannot run.
        """
        read_metadata(path)
        self._path, self.input, self.output = path, NOTHING, NOTHING
        reply, _, self._said = self._ask({"do": "load", "path": str(path.resolve()), "arena": arena})
        if "error" in reply:
            raise DataError(f"{path}: {_meaning(self._said, arena)}")
        self.input, self.output = self._details(reply["input"]), self._details(reply["output"])

    @property
    def allocation(self) -> Allocation:
        """The arena of the loaded file, as TensorFlow Lite Micro allocated it; DataError where there was no report."""
        found = {m[1]: int(m[2]) for m in re.finditer(r"Arena allocation (head|tail|total) (\d+) bytes", self._said)}
        if set(found) != {"head", "tail", "total"}:
            raise DataError(f"{self._path}: the interpreter gave no allocation report")
        return Allocation(**found)

    def run(self, clips: np.ndarray) -> np.ndarray:
        """int8 clips (n, *input shape without the batch) -> int8 outputs (n, elements of the output)."""
        if clips.shape[1:] != self.input.shape[1:]:
            raise DataError(f"{self._path}: expects clips of {self.input.shape[1:]}, not {clips.shape[1:]}")
        body = np.ascontiguousarray(clips, np.int8).tobytes()
        reply, out, said = self._ask({"do": "run", "shape": list(clips.shape)}, body)
        if "error" in reply:
            raise DataError(f"{self._path}: the interpreter failed while running it ({_last(said) or reply['error']})")
        return np.frombuffer(out, np.int8).reshape(len(clips), len(out) // max(len(clips), 1))

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._errors.close()
            self._child = None

    def _details(self, found: dict[str, Any]) -> Details:
        if found["type"] != "int8" or len(found["scales"]) != 1:
            raise DataError(f"{self._path}: is not a full-integer int8 model (its ends are {found['type']})")
        return Details(tuple(found["shape"]), found["scales"][0], found["zero_points"][0])

    def _start(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            # the interpreter's own words go to the C-level stderr
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the child)
            self._child = subprocess.Popen(
                [sys.executable, "-m", "hwasc.deploy.interpreter_child", self._name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            )
        return self._child

    def _ask(self, request: dict[str, Any], body: bytes = b"") -> tuple[dict[str, Any], bytes, str]:
        """A request's reply, the bytes that came with it, and what the interpreter said meanwhile."""
        child = self._start()
        assert child.stdin is not None and child.stdout is not None
        before = os.fstat(self._errors.fileno()).st_size
        watch = threading.Timer(self._seconds + len(body) / 10_000, child.kill)
        watch.start()
        try:
            child.stdin.write(json.dumps(request).encode() + b"\n" + body)
            child.stdin.flush()
            reply = json.loads(child.stdout.readline())
            out = child.stdout.read(reply.get("bytes", 0))
        except (BrokenPipeError, ValueError):  # it has ended: no line, or half of one
            self.close()
            raise DataError(f"{self._path}: is damaged, or no model for this interpreter (it crashed)") from None
        finally:
            watch.cancel()
        return reply, out, os.pread(self._errors.fileno(), 1 << 20, before).decode(errors="replace")


def smallest_arena(interpreter: Interpreter, path: Path) -> int:
    """The smallest arena (bytes, a multiple of 16) in which TensorFlow Lite Micro loads and runs a file, by bisection.

    DataError where it cannot be run at all.
    """
    interpreter.load(path)
    blank = np.zeros((1, *interpreter.input.shape[1:]), np.int8)

    def works(arena: int) -> bool:
        try:
            interpreter.load(path, arena)
            interpreter.run(blank)
        except DataError:
            return False
        return True

    low, high = interpreter.allocation.head // STEP, ARENA // STEP  # low is too small: the tail needs some
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if works(middle * STEP) else (middle, high)
    return high * STEP


class Runtime:
    """A file that hwasc wrote: log-mels in, logits out. DataError for all others."""

    def __init__(self, path: Path, name: Name = "tflm") -> None:
        self.architecture, self.classes, self.planner = read_about(path)
        self._interpreter = Interpreter(name)
        try:
            self._interpreter.load(path)
        except HwascError:
            self.close()
            raise
        fe = self.architecture.front_end
        if self._interpreter.input.shape != (1, fe.mels, fe.frames, 1):
            self.close()
            raise DataError(f"{path}: its input does not fit the architecture that it names")

    def logits(self, logmel: np.ndarray) -> np.ndarray:
        """(B, 1, mels, frames) float32 -> (B, classes) float32."""
        i, o = self._interpreter.input, self._interpreter.output
        stored = np.clip(np.round(logmel / np.float32(i.scale)) + i.zero_point, -128, 127).astype(np.int8)
        out = self._interpreter.run(stored.transpose(0, 2, 3, 1))
        return (out.astype(np.float32) - o.zero_point) * np.float32(o.scale)

    def close(self) -> None:
        """End the child process."""
        self._interpreter.close()


def version(name: Name = "tflm") -> str:
    """The interpreter and its version, as reports name them."""
    return f"{name} {metadata.version(PACKAGES[name][0])}"


def read_about(path: Path) -> tuple[Architecture, tuple[str, ...], str]:
    """Architecture, class names and planner (`greedy` or `offline`) of a file that hwasc wrote; DataError for others."""
    entries = read_metadata(path)
    if "hwasc" not in entries:
        raise DataError(f"{path}: was not written by hwasc (it names no architecture and classes)")
    try:
        about = json.loads(entries["hwasc"])
        architecture = schema.parse(Architecture, about["architecture"], str(path))
        classes = tuple(str(c) for c in about["classes"])
    except (ValueError, KeyError, TypeError, HwascError):
        raise DataError(f"{path}: its description of architecture and classes is damaged") from None
    return architecture, classes, "offline" if "OfflineMemoryAllocation" in entries else "greedy"


def predict(
    path: Path,
    features: Any,
    name: Name = "tflm",
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
    batch: int = 32,
) -> np.ndarray:
    """Logits (n, classes) of every clip of a feature set, in order, on so many child processes; progress(clips done)."""
    starts = range(0, len(features), batch)
    out: dict[int, np.ndarray] = {}
    free: queue.SimpleQueue[Runtime] = queue.SimpleQueue()

    def part(start: int) -> None:
        runtime = free.get()
        try:
            rows = np.arange(start, min(start + batch, len(features)))
            out[start] = runtime.logits(features.batch(rows).numpy())
        finally:
            free.put(runtime)
        if progress is not None:
            progress(min(len(out) * batch, len(features)))

    with ExitStack() as stack:
        for _ in range(max(1, min(workers, len(starts)))):
            runtime = Runtime(path, name)
            stack.callback(runtime.close)
            free.put(runtime)
        with ThreadPoolExecutor(free.qsize()) as pool:
            for done in [pool.submit(part, start) for start in starts]:
                done.result()
    return np.concatenate([out[start] for start in starts])


def _meaning(said: str, arena: int) -> str:
    operator = re.search(r"Didn't find op for builtin opcode '(\w+)'", said)
    if operator:
        return f"uses the operator {operator[1]}, which this interpreter does not know"
    if re.search(r"Arena size is too small|[Ff]ailed to resize buffer|Failed to allocate", said):
        return f"an arena of {arena:,} B is too small for it"
    return f"is no model that the interpreter can run ({_last(said) or 'it gave no reason'})"


def _last(said: str) -> str:
    lines = [y.strip() for y in said.splitlines() if y.strip()]
    return lines[0][:160] if lines else ""
