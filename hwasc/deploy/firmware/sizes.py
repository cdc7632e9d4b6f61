"""Bytes of a linked firmware by where they come from: code, the model's tables, data, from the linker's map."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from hwasc.cost.alignment import align
from hwasc.errors import DataError

TABLES = "_tables"  # the end of the names of files that hold the model's numbers
_PART = re.compile(r"^ (\.[\w.$-]+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+(\S.*)$")
_CODE = (".text", ".rodata", ".ARM.ex")


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Bytes of a firmware.

    Attributes:
        code: In flash: code and its own constants, with what the compiler's libraries add.
        tables: In flash: the model's weights and the front end's tables.
        data: In RAM: variables with a start value.
        bss: In RAM: variables that start at zero.
        files: Code by file.
    """

    code: int
    tables: int
    data: int
    bss: int
    files: dict[str, int]

    @property
    def flash(self) -> int:
        """Code, tables and start values."""
        return self.code + self.tables + self.data


def read_map(path: Path) -> Sizes:
    """Sum up the linker's map.

    Args:
        path: The map, see `toolchain.link_firmware`.

    Returns:
        The sizes.

    Raises:
        DataError: The file is not a map.
    """
    text = path.read_text(errors="replace")
    begin = text.find("Linker script and memory map")
    if begin < 0:
        raise DataError(f"{path}: not a map of the linker")
    code: dict[str, int] = {}
    found = {"tables": 0, "data": 0, "bss": 0}
    joined = re.sub(r"\n {16,}(0x)", r" \1", text[begin:])  # a long name stands in a line of its own
    for line in joined.splitlines():
        part = _PART.match(line)
        if not part or int(part[3], 16) == 0:
            continue
        section, size, file = part[1], int(part[3], 16), Path(part[4].rstrip(")").split("(")[-1])
        if section.startswith(_CODE) and file.stem.endswith(TABLES):
            found["tables"] += align(size, 4)  # as the compiler aligns each table
        elif section.startswith(_CODE):
            code[file.stem] = code.get(file.stem, 0) + size
        elif section.startswith((".data", ".bss")):
            found[section.split(".")[1]] += size
    return Sizes(code=sum(code.values()), files=dict(sorted(code.items())), **found)
