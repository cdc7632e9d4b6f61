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

from hwasc.deploy.flatfile import read_input_shape, read_metadata
from hwasc.errors import DataError, HwascError, WrongFile
from hwasc.parallel.children import start_module
from hwasc.records.architecture import Architecture
from hwasc.records.model_metadata import check_file_size, from_json
from hwasc.records.patches import Patches
from hwasc.records.training_clips import ClipsReference

Name = Literal["tflm", "litert-ref"]
PACKAGES = {  # name in the registry, name of the module, how to install it
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
ARENA = 16 << 20  # bytes; more than any model here needs: the allocation report names what was used
ALIGNMENT = 16  # bytes, of the arena
TIMEOUT = 60.0  # s; a damaged file can also keep the interpreter busy for ever


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """The arena as the interpreter allocated it, in bytes.

    Attributes:
        head: Activations and kernel scratch.
        tail: The interpreter's structs.
        total: Sum of these.
    """

    head: int
    tail: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Details:
    """The int8 input or output of a loaded file; real value = scale x (stored - zero_point).

    Attributes:
        shape: With the batch.
        scale: The step between stored numbers.
        zero_point: The stored number of real 0.
    """

    shape: tuple[int, ...]
    scale: float
    zero_point: int


NOT_LOADED = Details(shape=(), scale=1.0, zero_point=0)


class Interpreter:
    """A child process that runs one file after the other; a context manager.

    A child that a damaged file has crashed is started anew for the next file.
    """

    def __init__(self, name: Name = "tflm", timeout: float = TIMEOUT) -> None:
        """Prepare the interpreter; the child starts with the first file.

        Args:
            name: `tflm` (TensorFlow Lite Micro) or `litert-ref` (LiteRT's reference kernels).
            timeout: Seconds for one request, besides the time that its clips need.

        Raises:
            HwascError: The interpreter is not installed.
        """
        _, module, how_to_install = PACKAGES[name]
        if importlib.util.find_spec(module) is None:
            raise HwascError(f"running .tflite files this way needs {how_to_install}; the rest of hwasc works without)")
        self._name, self._timeout, self._log = name, timeout, ""
        self._child: subprocess.Popen[bytes] | None = None
        self._errors: Any = None
        self._path = Path()
        self.input = self.output = NOT_LOADED

    def __enter__(self) -> Interpreter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(self, path: Path, arena: int = ARENA) -> None:
        """Load a file.

        Args:
            path: A .tflite file.
            arena: Bytes of the arena; LiteRT takes what it needs.

        Raises:
            DataError: The interpreter cannot run the file.
        """
        read_metadata(path)
        self._path, self.input, self.output = path, NOT_LOADED, NOT_LOADED
        reply, _, self._log = self._ask({"do": "load", "path": str(path.resolve()), "arena": arena})
        if "error" in reply:
            raise DataError(f"{path}: {_explain(self._log, arena)}")
        self.input, self.output = self._details(reply["input"]), self._details(reply["output"])

    @property
    def allocation(self) -> Allocation:
        """The arena of the loaded file, as TensorFlow Lite Micro allocated it.

        Raises:
            DataError: The interpreter gave no report.
        """
        found = {m[1]: int(m[2]) for m in re.finditer(r"Arena allocation (head|tail|total) (\d+) bytes", self._log)}
        if set(found) != {"head", "tail", "total"}:
            raise DataError(f"{self._path}: the interpreter gave no allocation report")
        return Allocation(**found)

    def run(self, clips: np.ndarray) -> np.ndarray:
        """Run the loaded file.

        Args:
            clips: int8 (n, *input shape without the batch).

        Returns:
            int8 (n, elements of the output).

        Raises:
            DataError: The clips have another shape, or the interpreter failed.
        """
        if clips.shape[1:] != self.input.shape[1:]:
            raise DataError(f"{self._path}: expects clips of {self.input.shape[1:]}, not {clips.shape[1:]}")
        body = np.ascontiguousarray(clips, np.int8).tobytes()
        reply, out, log = self._ask({"do": "run", "shape": list(clips.shape)}, body)
        if "error" in reply:
            raise DataError(
                f"{self._path}: the interpreter failed while running it ({_first_line(log) or reply['error']})"
            )
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
        return Details(shape=tuple(found["shape"]), scale=found["scales"][0], zero_point=found["zero_points"][0])

    def _start(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            # the interpreter's messages go to the C-level stderr
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the child)
            self._child = start_module(
                "hwasc.deploy.interpreter_child",
                self._name,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
            )
        return self._child

    def _ask(self, request: dict[str, Any], body: bytes = b"") -> tuple[dict[str, Any], bytes, str]:
        """A request's reply, the bytes that came with it, and the interpreter's messages meanwhile."""
        child = self._start()
        assert child.stdin is not None and child.stdout is not None
        before = os.fstat(self._errors.fileno()).st_size
        watch = threading.Timer(self._timeout + len(body) / 10_000, child.kill)
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
    """Find the smallest arena in which TensorFlow Lite Micro loads and runs a file, by bisection.

    Args:
        interpreter: TensorFlow Lite Micro.
        path: A .tflite file.

    Returns:
        Bytes, a multiple of 16.

    Raises:
        DataError: The file cannot be run at all.
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

    low, high = interpreter.allocation.head // ALIGNMENT, ARENA // ALIGNMENT  # low is too small: the tail needs some
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if works(middle * ALIGNMENT) else (middle, high)
    return high * ALIGNMENT


class Runtime:
    """A .tflite file that hwasc wrote, from log-mels to logits."""

    def __init__(self, path: Path, name: Name = "tflm") -> None:
        """Load a file.

        Args:
            path: The file.
            name: The interpreter.

        Raises:
            DataError: hwasc did not write the file, or it cannot be run.
            HwascError: The interpreter is not installed.
        """
        about = read_about(path)
        self.architecture, self.classes, self.planner = about.architecture, about.classes, about.planner
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

    @property
    def input(self) -> Details:
        """The file's input."""
        return self._interpreter.input

    def logits(self, logmel: np.ndarray) -> np.ndarray:
        """Compute logits: (B, 1, mels, frames) float32 -> (B, classes) float32."""
        i, o = self._interpreter.input, self._interpreter.output
        stored = np.clip(np.round(logmel / np.float32(i.scale)) + i.zero_point, -128, 127).astype(np.int8)
        out = self._interpreter.run(stored.transpose(0, 2, 3, 1))
        return (out.astype(np.float32) - o.zero_point) * np.float32(o.scale)

    def close(self) -> None:
        """End the child process."""
        self._interpreter.close()


def version(name: Name = "tflm") -> str:
    """Return the interpreter and its version, as reports name them."""
    return f"{name} {metadata.version(PACKAGES[name][0])}"


@dataclass(frozen=True, kw_only=True)
class About:
    """What hwasc writes into the metadata of a .tflite file.

    Attributes:
        architecture: The student.
        classes: Names in the order of the logits.
        planner: Of the memory plan: `greedy` or `offline`.
        clips: Which record has the clips that it was trained on; None in files of other versions.
        patches: The operators that run in frequency patches; None: none do.
    """

    architecture: Architecture
    classes: tuple[str, ...]
    planner: str
    clips: ClipsReference | None
    patches: Patches | None = None


def read_about(path: Path) -> About:
    """Read what hwasc writes into the metadata of a file.

    Args:
        path: A .tflite file.

    Returns:
        The description.

    Raises:
        DataError: hwasc did not write the file, or it is damaged.
    """
    entries = read_metadata(path)
    if "hwasc" not in entries:
        raise WrongFile(f"{path}: was not written by hwasc (it names no architecture and classes)")
    found = from_json(entries["hwasc"], path)
    check_file_size(found.architecture, path.stat().st_size, 1, path)
    fe, shape = found.architecture.front_end, read_input_shape(path)
    if shape != (1, fe.mels, fe.frames, 1):
        raise DataError(f"{path}: its input of {list(shape)} does not fit the architecture that it names")
    planner = "offline" if "OfflineMemoryAllocation" in entries else "greedy"
    return About(
        architecture=found.architecture,
        classes=found.classes,
        planner=planner,
        clips=found.clips,
        patches=found.patches,
    )


def predict(
    path: Path,
    features: Any,
    name: Name = "tflm",
    *,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
    batch: int = 32,
) -> np.ndarray:
    """Compute the logits of a set of clips.

    Args:
        path: A .tflite file that hwasc wrote.
        features: n clips.
        name: The interpreter.
        workers: Number of child processes.
        progress: Called with the number of clips done.
        batch: Clips in one request.

    Returns:
        Logits (n, classes), in order.
    """
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


def _explain(log: str, arena: int) -> str:
    operator = re.search(r"Didn't find op for builtin opcode '(\w+)'", log)
    if operator:
        return f"uses the operator {operator[1]}, which this interpreter does not support"
    if re.search(r"Arena size is too small|[Ff]ailed to resize buffer|Failed to allocate", log):
        return f"an arena of {arena:,} B is too small for it"
    return f"is no model that the interpreter can run ({_first_line(log) or 'it gave no reason'})"


def _first_line(log: str) -> str:
    lines = [y.strip() for y in log.splitlines() if y.strip()]
    return lines[0][:160] if lines else ""
