"""Odd records: what people edit, and what the program wrote."""

from __future__ import annotations

import json

from hwasc.records import architecture, schema
from hwasc.records.budget import Budget
from hwasc.records.lines import read_lines
from hwasc.records.presets import cp_mobile
from hwasc.records.settings import Settings
from hwasc.records.space import SearchSpace
from tests.corpus.cases import Case

BUDGET = b"name: x\nlimits: {flash: {max: 1000}}\n"
NET = schema.plain(cp_mobile())


def _net(**changes: object) -> bytes:
    return json.dumps({"architecture": {**NET, **changes}}).encode()


CASES = [
    Case(name="list.yaml", content=b"- 1\n- 2\n", read=Budget.load),
    Case(name="budget.yaml", content=BUDGET, read=Budget.load, fine=True),
    Case(name="repeated.yaml", content=BUDGET + b"limits: {flash: {max: 2000}}\n", read=Budget.load),
    Case(name="nan.yaml", content=b"name: x\nlimits: {latency: {max_ms: .nan, target: cortex-m4}}\n", read=Budget.load),
    Case(name="tag.yaml", content=b"name: !!int x\nlimits: {}\n", read=Budget.load),
    Case(name="date.yaml", content=b"name: 2001-99-99\nlimits: {flash: {max: 2001-99-99}}\n", read=Budget.load),
    Case(name="digits.yaml", content=b"name: x\nlimits: {flash: {max: " + b"9" * 5000 + b"}}\n", read=Budget.load),
    Case(name="clash.yaml", content=b"__class__: x\nself: y\nint: 3\n", read=Settings.load),
    Case(name="deep.yaml", content=b"data: " + b"[" * 3000, read=Settings.load),
    Case(name="laughs.yaml", content=b"a: &a [x, x]\nb: &b [*a, *a]\nseed: [*b, *b]\n", read=Settings.load),
    Case(name="merge.yaml", content=b"data: {<<: {seconds: 2}}\n", read=Settings.load),
    Case(name="keys.yaml", content=b"1: 2\nyes: no\n", read=Settings.load),
    Case(name="settings.yaml", content=b"distill: {train: {lr: 1e-3}}\n", read=Settings.load, fine=True),
    Case(name="markup.yaml", content=b"name: '[/x]'\nfront_end: '[bold]'\n", read=SearchSpace.load),
    Case(name="best.json", content=_net(), read=architecture.load, fine=True),
    Case(name="wide.json", content=_net(stem=[8, 10**9]), read=architecture.load),
    Case(name="infinite.json", content=b'{"architecture": {"classes": 1e999}}', read=architecture.load),
    Case(name="flag.json", content=_net(classes=True), read=architecture.load),
    Case(name="half.json", content=b'{"id": "\\ud800"}', read=architecture.load),
    Case(name="brackets.json", content=b"[" * 100_000, read=architecture.load),
    Case(name="shape.jsonl", content=b'{"a": 1}\n[2]\n{"a": 3}\n', read=read_lines),
]
