"""`--verbose`: the records of the logger `hwasc` on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _ToStandardError(logging.Handler):
    """Prints to what is standard error at that time: a line of progress stays below what is printed."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr)


@contextmanager
def details_shown(verbose: bool) -> Iterator[None]:
    """Print what the package logs, in this block.

    Args:
        verbose: Whether to do so.

    Yields:
        None.
    """
    if not verbose:
        yield
        return
    logger, handler = logging.getLogger("hwasc"), _ToStandardError()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
