"""Scripts of pages: the project's own alone, in the page itself, under a hash that the page's policy names."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from markupsafe import Markup

from hwasc.report.formats import clean

# What could end the block that the data are in, or begin a comment in it
_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


@dataclass(frozen=True)
class Script:
    """A script of a page, with its data and its style.

    Attributes:
        name: Of `scripts/NAME.js` and `scripts/NAME.css`.
        values: What it reads, JSON-ready.
    """

    name: str
    values: Mapping[str, Any]

    @property
    def code(self) -> Markup:
        """The script's text."""
        return Markup(_file(f"{self.name}.js"))

    @property
    def style(self) -> Markup:
        """Its style sheet."""
        return Markup(_file(f"{self.name}.css"))

    @property
    def policy(self) -> str:
        """The source in a Content-Security-Policy by which this text alone may run."""
        return f"'sha256-{base64.b64encode(hashlib.sha256(self.code.encode()).digest()).decode()}'"

    @property
    def data(self) -> Markup:
        """The values as JSON that can stand in a script element."""
        text = json.dumps(self.values, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return Markup(clean(text).translate(_ESCAPES))


def _file(name: str) -> str:
    return (resources.files("hwasc.report") / "scripts" / name).read_text(encoding="utf-8")
