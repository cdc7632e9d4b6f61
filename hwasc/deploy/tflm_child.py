"""The child process around TensorFlow Lite Micro: `python -m hwasc.deploy.tflm_child`, spoken to by `hwasc.deploy.tflm`.

A damaged file can abort or fault the interpreter; only this process goes with it. One JSON line a request and a reply, each
followed by as many raw bytes as it names. Nothing but numpy and the interpreter is loaded.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np


def serve(requests: Any, replies: Any) -> None:
    """Answer `load` {path, arena} and `run` {shape} + int8 clips until the requests end."""
    from tflite_micro import runtime

    interpreter: Any = None
    for line in iter(requests.readline, b""):
        request = json.loads(line)
        body: bytes = b""
        reply: dict[str, Any]
        try:
            if request["do"] == "load":
                interpreter = None  # the old arena goes first
                interpreter = runtime.Interpreter.from_file(request["path"], arena_size=request["arena"])
                interpreter.print_allocations()
                reply = {
                    "input": _details(interpreter.get_input_details(0)),
                    "output": _details(interpreter.get_output_details(0)),
                }
            else:
                clips = np.frombuffer(requests.read(int(np.prod(request["shape"]))), np.int8).reshape(request["shape"])
                out = []
                for clip in clips:
                    interpreter.set_input(clip[None], 0)
                    interpreter.invoke()
                    out.append(interpreter.get_output(0).ravel().copy())
                body = np.array(out, np.int8).tobytes()
                reply = {"bytes": len(body)}
        except Exception as e:  # the parent says what it means
            body, reply = b"", {"error": f"{type(e).__name__}: {e}"}
        replies.write(json.dumps(reply).encode() + b"\n" + body)
        replies.flush()


def _details(found: dict[str, Any]) -> dict[str, Any]:
    quantization = found["quantization_parameters"]
    return {
        "shape": [int(n) for n in found["shape"]],
        "type": np.dtype(found["dtype"]).name,
        "scales": [float(s) for s in quantization["scales"]],
        "zero_points": [int(z) for z in quantization["zero_points"]],
    }


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
