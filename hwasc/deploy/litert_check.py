"""A .tflite file is loaded and run on zeros in a child process: a damaged one can crash LiteRT.

The child runs this module; nothing but numpy and LiteRT is loaded there.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hwasc.errors import DataError
from hwasc.parallel.children import finish, start_module

TIMEOUT = 120.0  # s; a damaged file can also keep LiteRT busy for ever


def check(path: Path) -> None:
    """Check that LiteRT can run a file.

    Args:
        path: The file.

    Raises:
        DataError: It cannot, or crashes.
    """
    child = start_module(
        "hwasc.deploy.litert_check",
        str(path.resolve()),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    try:
        why = finish(child, timeout=TIMEOUT)[0].strip()
    except subprocess.TimeoutExpired:
        why = f"nothing after {TIMEOUT:.0f} s"
    if child.returncode:
        raise DataError(f"{path}: no model that LiteRT can run ({why or 'it crashed'})")


def _run(path: Path) -> None:
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=path.read_bytes(),
        num_threads=1,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
    interpreter.invoke()


if __name__ == "__main__":
    try:
        _run(Path(sys.argv[1]))
    except Exception as e:
        print(str(e).partition("\n")[0][:200] or type(e).__name__)
        sys.exit(1)
