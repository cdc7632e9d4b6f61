"""Results: frozen records that are written as JSON and read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from hwasc.records import schema

R = TypeVar("R", bound="Result")


class Result:
    """Base of the records of results. Each is a frozen, keyword-only dataclass."""

    def to_json(self) -> dict[str, Any]:
        """The record as JSON-ready values."""
        values: dict[str, Any] = schema.plain(self)
        return values

    @classmethod
    def from_json(cls: type[R], data: Any, where: str) -> R:
        """The record from JSON values.

        Args:
            data: What `to_json` gave.
            where: The file that they come from, for messages.

        Returns:
            An equal record.

        Raises:
            UsageError: Lists every mistake.
        """
        return schema.parse(cls, data, where)

    def write(self, path: Path) -> None:
        """Write the record as JSON. The file appears only when it is complete."""
        schema.write_json(path, self.to_json())

    @classmethod
    def read(cls: type[R], path: Path | str) -> R:
        """Read a record that `write` wrote. UsageError where the file is missing or broken."""
        return cls.from_json(schema.read_json(Path(path), "result"), str(path))
