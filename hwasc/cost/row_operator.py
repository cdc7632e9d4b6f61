"""An operator that runs row by row, and the rows that it reads."""

from __future__ import annotations

from typing import NamedTuple


class RowOperator(NamedTuple):
    """An operator that runs row by row.

    Attributes:
        number: In the graph.
        inputs: Maps that it reads row by row, each once.
        cells: Tensors of one cell that it reads beside them; they are complete before its first row.
        output: The tensor whose rows it makes; -1 for a mean over the map: its result is complete after the last row.
        result: The tensor that it makes.
        after: Position of the last row operator that has to be in an earlier segment; -1: none.
        rows: How many it makes; a mean has one for each row of its input.
        kernel: Rows of the window.
        stride: Rows from one window to the next.
        pad: Rows of the first window that lie outside the map.
    """

    number: int
    inputs: tuple[int, ...]
    cells: tuple[int, ...]
    output: int
    result: int
    after: int = -1
    rows: int = 0
    kernel: int = 1
    stride: int = 1
    pad: int = 0

    def first(self, row: int) -> int:
        """The first input row that an output row reads."""
        return max(0, row * self.stride - self.pad)

    def last(self, row: int, height: int) -> int:
        """The last input row that an output row reads.

        Args:
            row: Of the output.
            height: Rows of the input.

        Returns:
            The row's number.
        """
        return min(height - 1, row * self.stride - self.pad + self.kernel - 1)
