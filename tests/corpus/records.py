"""Odd records: what people edit, and what the program wrote."""

from __future__ import annotations

from hwasc.records.budget import Budget
from tests.corpus.cases import Case

CASES = [
    Case(name="list.yaml", content=b"- 1\n- 2\n", read=Budget.load),
]
