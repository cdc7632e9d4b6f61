"""The child process around an interpreter: the module is run with the interpreter's name, by `deploy.interpreter`.

A damaged file can crash the interpreter; then only this process ends. One JSON line a request and a reply, each
followed by as many raw bytes as it names. Nothing but numpy and the interpreter is loaded.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np


def serve(name: str, requests: Any, replies: Any) -> None:
    """Answer requests until they end: `load` {path, arena}, and `run` {shape} followed by int8 clips.

    Args:
        name: `tflm` or `litert-ref`.
        requests: Binary stream.
        replies: Binary stream.
    """
    load = {"tflm": _Micro, "litert-ref": _Reference}[name]
    interpreter: Any = None
    for line in iter(requests.readline, b""):
        request = json.loads(line)
        body: bytes = b""
        reply: dict[str, Any]
        try:
            if request["do"] == "load":
                interpreter = None  # frees the old arena first
                interpreter = load(request["path"], request["arena"])
                reply = {"input": _details(interpreter.input), "output": _details(interpreter.output)}
            else:
                clips = np.frombuffer(requests.read(int(np.prod(request["shape"]))), np.int8).reshape(request["shape"])
                body = np.array([interpreter.run(clip[None]).ravel() for clip in clips], np.int8).tobytes()
                reply = {"bytes": len(body)}
        except Exception as e:  # the parent process explains it
            body, reply = b"", {"error": f"{type(e).__name__}: {e}"}
        replies.write(json.dumps(reply).encode() + b"\n" + body)
        replies.flush()


class _Micro:
    """TensorFlow Lite Micro; it reports its allocations on the C-level stderr."""

    def __init__(self, path: str, arena: int) -> None:
        from tflite_micro import runtime

        self._interpreter = runtime.Interpreter.from_file(path, arena_size=arena)
        self._interpreter.print_allocations()
        self.input, self.output = self._interpreter.get_input_details(0), self._interpreter.get_output_details(0)

    def run(self, clip: np.ndarray) -> np.ndarray:
        self._interpreter.set_input(clip, 0)
        self._interpreter.invoke()
        return np.array(self._interpreter.get_output(0))


class _Reference:
    """LiteRT with its reference kernels: its default ones round differently."""

    def __init__(self, path: str, _: int) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        kernels = OpResolverType.BUILTIN_REF
        content = Path(path).read_bytes()  # the library takes names in UTF-8 alone
        self._interpreter = Interpreter(model_content=content, experimental_op_resolver_type=kernels, num_threads=1)
        self._interpreter.allocate_tensors()
        self.input, self.output = self._interpreter.get_input_details()[0], self._interpreter.get_output_details()[0]

    def run(self, clip: np.ndarray) -> np.ndarray:
        self._interpreter.set_tensor(self.input["index"], clip)
        self._interpreter.invoke()
        return np.array(self._interpreter.get_tensor(self.output["index"]))


def _details(found: dict[str, Any]) -> dict[str, Any]:
    quantization = found["quantization_parameters"]
    return {
        "shape": [int(n) for n in found["shape"]],
        "type": np.dtype(found["dtype"]).name,
        "scales": [float(s) for s in quantization["scales"]],
        "zero_points": [int(z) for z in quantization["zero_points"]],
    }


if __name__ == "__main__":
    serve(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
