"""Runs functions of the page's modules in Node.js."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest

from hwasc.deploy.web.folder import SITE

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")


def evaluate(code: str, value: Any = None) -> Any:
    """Run a module: its `value` is the argument, what `result` is set to comes back. "./" are the page's files."""
    program = (
        f'import {{ readFileSync }} from "node:fs";\nconst value = JSON.parse(readFileSync(0, "utf8"));\nlet result;\n'
        f"{code.replace('./', SITE.as_uri() + '/')}\nprocess.stdout.write(JSON.stringify(result));"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "--eval", program], input=json.dumps(value), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
