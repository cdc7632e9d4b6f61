"""A bound on the stack of a firmware: each function's own bytes, summed along the deepest path of calls.

Bytes of a function are the compiler's (`-fstack-usage`). Functions of the libraries have no such file: what they push and
subtract is read from the disassembly, as are all calls. The net calls its steps by a pointer: any of them may be the one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hwasc.deploy.firmware.toolchain import tool
from hwasc.errors import DataError
from hwasc.parallel.tools import run_tool

STEPS = "scene_step_"  # the start of the names of functions that are called by a pointer
_FUNCTION = re.compile(r"^[0-9a-f]+ <([^>]+)>:$")
_TARGET = re.compile(r"^\s*[0-9a-f]+:\t[0-9a-f ]+\t(\S+)\s+(?:r\d+, )?[0-9a-f]+ <([^>+]+)>")
_INSTRUCTION = re.compile(r"^\s*[0-9a-f]+:\t[0-9a-f ]+\t(\S+)\s*(.*)$")
_SUB = re.compile(r"^(?:sp, )?sp, #(\d+)")
_STORE = re.compile(r"\[sp, #-(\d+)\]!")


@dataclass(frozen=True, kw_only=True)
class StackBound:
    """The stack of one function and all that it calls.

    Attributes:
        bytes: The bound.
        path: The functions of the deepest path, from the caller down.
    """

    bytes: int
    path: tuple[str, ...]


def stack_bound(image: Path, usage: Iterable[Path], function: str) -> StackBound:
    """Bound the stack of a function.

    Args:
        image: A linked image.
        usage: The compiler's .su files of its objects.
        function: Its name.

    Returns:
        The bound.

    Raises:
        DataError: The function is not in the image, it calls itself, or its stack is not bounded.
        HwascError: The disassembler is not installed.
    """
    own, calls = _disassembled(image)
    stated: dict[str, int] = {}
    for file in usage:
        for line in file.read_text().splitlines():
            where, size, kind = line.split("\t")
            name = where.split(":")[-1]
            if "dynamic" in kind and "bounded" not in kind:
                raise DataError(f"{where}: its stack is not bounded")
            stated[name] = max(int(size), stated.get(name, 0))  # static functions of two files may have one name
    own |= stated
    if function not in calls:
        raise DataError(f"{image}: there is no function {function}")
    found: dict[str, StackBound] = {}
    return _deepest(function, own, calls, found=found, path=())


def _deepest(
    name: str,
    own: dict[str, int],
    calls: dict[str, set[str]],
    *,
    found: dict[str, StackBound],
    path: tuple[str, ...],
) -> StackBound:
    if name in path:
        raise DataError(f"{' -> '.join((*path, name))}: a function that calls itself has no bound")
    if name not in found:
        below = [_deepest(c, own, calls, found=found, path=(*path, name)) for c in calls.get(name, ())]
        best = max(below, key=lambda b: b.bytes, default=StackBound(bytes=0, path=()))
        found[name] = StackBound(bytes=own.get(name, 0) + best.bytes, path=(name, *best.path))
    return found[name]


def _disassembled(image: Path) -> tuple[dict[str, int], dict[str, set[str]]]:
    """Bytes that each function takes of the stack, and the functions that it calls or jumps to."""
    text = run_tool([tool("objdump"), "-d", image], timeout=60).decode(errors="replace")
    own: dict[str, int] = {}
    calls: dict[str, set[str]] = {}
    pointers: set[str] = set()
    name = ""
    for line in text.splitlines():
        head = _FUNCTION.match(line)
        if head:
            name = head[1]
            own.setdefault(name, 0)
            calls.setdefault(name, set())
            continue
        found = _INSTRUCTION.match(line)
        if not found or not name:
            continue
        operation, operands = found[1].split(".")[0], found[2]
        target = _TARGET.match(line)
        if target and operation.startswith(("b", "cb")) and (target[2] != name or operation == "bl"):
            calls[name].add(target[2])
        elif operation == "blx" or (operation == "bx" and operands != "lr"):
            pointers.add(name)
        own[name] += _taken(operation, operands)
    steps = {name for name in calls if name.startswith(STEPS)}
    for name in pointers - steps:
        calls[name] |= steps
    return own, calls


def _taken(operation: str, operands: str) -> int:
    """Bytes that an instruction takes of the stack."""
    if operation in ("push", "vpush", "stmdb") and ("sp!" in operands or operation != "stmdb"):
        names = re.search(r"\{(.+?)\}", operands)
        return sum(_registers(n) for n in (names[1] if names else "").split(", "))
    found = _SUB.match(operands) if operation in ("sub", "subw") else _STORE.search(operands)
    return int(found[1]) if found else 0


def _registers(text: str) -> int:
    """Bytes of a register or a range of them, such as `r4`, `r4-r7` or `d8-d15`."""
    first, _, last = text.partition("-")
    count = int(last[1:]) - int(first[1:]) + 1 if last else 1
    return count * (8 if first.startswith("d") else 4)
