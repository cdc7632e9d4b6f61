"""Help that fits the terminal: paragraphs are filled, examples stay as they are, to be copied."""

from __future__ import annotations

import argparse

EXAMPLES = "examples:"


class HelpFormatter(argparse.HelpFormatter):
    """Fills descriptions to the terminal's width, and leaves a text that begins with examples as it is."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if EXAMPLES in text:
            return "".join(indent + line for line in text.splitlines(keepends=True))
        return "\n\n".join(super(HelpFormatter, self)._fill_text(p, width, indent) for p in text.split("\n\n"))
