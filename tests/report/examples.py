"""Results of every kind with made-up figures, and what every page of them must be: parts of the tests of pages."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import random
import re
from html.parser import HTMLParser
from pathlib import Path

from hwasc import cost
from hwasc.cost.fit import fit
from hwasc.cost.frontend import front_end_costs
from hwasc.cost.limits import Check, Range, ResolvedBudget
from hwasc.deploy.profiling import Profile
from hwasc.ensemble.fusion import FusionRow
from hwasc.ensemble.summary import EnsembleSummary
from hwasc.nas.declare import random_point
from hwasc.nas.feasibility import Survey
from hwasc.nas.problem import Problem
from hwasc.nas.result import SearchResult
from hwasc.nas.trial import Trial, best, pareto
from hwasc.records.architecture import Architecture, ArchitectureFile
from hwasc.records.front_end import FrontEnd
from hwasc.records.measured_clips import MeasuredClips
from hwasc.records.presets import cp_mobile
from hwasc.records.space import SearchSpace
from hwasc.report import reports
from hwasc.students.result import (
    DistillResult,
    OnnxFile,
    TestMetrics,
    TfliteFile,
    ValidationAccuracy,
    WeightsSource,
)
from hwasc.training.metrics import Metrics

SPACE = SearchSpace.load("small")
NASTY = "<script>alert('x')</script> & \"$x_1$\" \x00\udce4 日本"
VOID = {"meta", "link", "br", "img", "input", "hr"}
ENVIRONMENT = {
    "hwasc": "0.1",
    "command": "hwasc profile --arch '<b>.json'",
    "date": "2024-01-01",
    "packages": {"torch": "2.6"},
}
FUSION = [
    FusionRow(name=n, accuracy=a, log_loss=2 - a, ece=a / 8)
    for n, a in (("crnn", 0.5), ("mean", 0.55), ("z1+z2", 0.56))
]


class Page(HTMLParser):
    """Checks that tags nest, and collects the tags with their attributes and the visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & {*self.open}:
            self.text += data


MEASURED = MeasuredClips(
    data=NASTY, folder="/x", dataset="d", split="test", drawn="seed 0", clips=40, locations=12, missing=(), left_out=4,
    left_out_locations=2, training=80, validation=20,
)  # fmt: skip


def check_page(text: str) -> Page:
    """Well-formed, self-contained, no script but that of the policy, ids unique and all references inside."""
    parsed = Page(text)
    assert not re.search(r"https?://", re.sub(r'xmlns(:\w+)?="[^"]*"', "", text))
    check_scripts(text, parsed)
    assert not re.search(r"url\((?!#)|@import|src=", text)
    ids = [a["id"] for _, a in parsed.tags if "id" in a]
    assert len(ids) == len(set(ids))
    used = set(re.findall(r'(?:href="#|url\(#|labelledby=")([^")]+)', text))
    assert used <= set(ids)
    assert all("scope" in a for tag, a in parsed.tags if tag == "th")
    text.encode()
    return parsed


def check_scripts(text: str, parsed: Page) -> None:
    """No script runs but one without a source whose hash is in the policy."""
    kinds = [a.get("type") for tag, a in parsed.tags if tag == "script"]
    assert kinds in ([], ["application/json", None]) and not any(n.startswith("on") for _, a in parsed.tags for n in a)
    (policy,) = (a["content"] for _, a in parsed.tags if a.get("http-equiv") == "Content-Security-Policy")
    code = re.findall(r"<script>(.*?)</script>", text, re.S)
    hashes = [base64.b64encode(hashlib.sha256(c.encode()).digest()).decode() for c in code]
    allowed = [f"script-src 'sha256-{h}'" for h in hashes]
    assert [s.strip() for s in (policy or "").split(";") if "script" in s] == allowed and "default-src 'none'" in str(
        policy
    )


def trials(n: int) -> list[Trial]:
    r = random.Random(n)
    return [
        Trial(
            number=i,
            id=f"{i:012x}",
            point=random_point(SPACE, random.Random(i)),
            accuracy=(a := r.uniform(0.3, 0.6)),
            float_accuracy=a + 0.01,
            standard_error=0.012,
            parameters=9_000 + i,
            macs=int(10 ** r.uniform(6, 7.5)),
            memory=r.randrange(20_000, 130_000, 16),
            weights=12_000,
            seconds=30.0,
            proposed=2 * i + 1,
            seed=0,
            score=a,
            score_error=0.012,
        )
        for i in range(n)
    ]


def profile(architecture: Architecture, checks: list[Check], *, provenance: object = None, **more: object) -> str:
    result = Profile(
        architecture=architecture,
        costs=cost.measure(architecture),
        layers=cost.layers(architecture),
        fit=dataclasses.replace(fit(architecture), budget="board <1>" if checks else None, checks=checks),
        front_end=front_end_costs(architecture.front_end),
        **{"cross_checks": [], **more},  # type: ignore[arg-type]
    )
    return reports.profile_report(result, provenance=provenance, environment=ENVIRONMENT)  # type: ignore[arg-type]


def summary(**changes: object) -> EnsembleSummary:
    values = {
        "split": "validation",
        "clips": 600,
        "seed": 0,
        "data": "rooms",
        "scenes": 3,
        "dataset": "d",
        "teachers": [],
        "fusion": FUSION,
        "view": "mean",
        "mixing": {},
        "leave_one_out": [],
    }
    return EnsembleSummary(**{**values, **changes})  # type: ignore[arg-type]


def search(found: list[Trial], limits: dict[str, float], **changes: object) -> str:
    low = Range(
        name="int8_memory.activations", limit=65_536, minimum=1_024, centre=40_000, maximum=500_000, feasible=0.5
    )
    values = {
        "run": Path("run"),
        "best": ArchitectureFile.of(dataclasses.replace(cp_mobile(base=8), front_end=FrontEnd())),
        "trial": best(found),
        "chosen_refined": None,
        "front": pareto(found),
        "trials": found,
        "rescored": [],
        "refined": [],
        "problem": Problem(space=SPACE, budget=ResolvedBudget(name="test", limits=limits), classes=10),
        "survey": Survey(space=NASTY, log10_size=12.3, ranges=[low], feasible_share=0.4, example={}),
        "limits": limits,
        "proxy": "distillation",
        "second_epochs": 31,
        "clips": 1_500,
        "second_clips": 1_500,
        "teachers": summary(),
        "environment": ENVIRONMENT,
    }
    return reports.search_report(SearchResult(**{**values, **changes}))  # type: ignore[arg-type]


def metrics(classes: list[str], accuracy: float, ece: float = 0.01) -> Metrics:
    n = len(classes)
    return Metrics(
        clips=n * (n + 3),
        accuracy=accuracy,
        log_loss=1.1,
        ece=ece,
        by_location=0.75,
        locations=12,
        per_class=dict.fromkeys(classes, 0.5),
        per_device={"a": 0.6, NASTY: 0.4},
        groups={"seen": 0.55, "unseen": 0.45},
        confusion=[[4 if i == j else 1 for j in range(n)] for i in range(n)],
    )


def distilled(classes: list[str], **changes: object) -> DistillResult:
    values = {
        "id": "a" * 12,
        "architecture": NASTY,
        "costs": cost.measure(cp_mobile(base=8)),
        "classes": tuple(classes),
        "data": "synthetic",
        "dataset": "d",
        "measured": MEASURED,
        "alpha": 0.5,
        "seed": 0,
        "student_seed": 1,
        "initial_weights": WeightsSource(source="random weights"),
        "validation": ValidationAccuracy(float=0.53, int8=0.52),
        "test": TestMetrics(float=metrics(classes, 0.512), int8=metrics(classes, 0.5)),
        "fusion": FUSION,
        "teachers": [],
        "leave_one_out": [],
        "mixing": {},
        "losses": {"float": [2.0, 1.5], "qat": [], NASTY: [1.0]},
        "onnx": OnnxFile(agreement=0.998, clips=40, accuracy=0.499, file=NASTY, sha256="0" * 64),
        "tflite": TfliteFile(file="student.tflite", bytes=54_321, sha256="1" * 64),
        "environment": ENVIRONMENT,
    }
    return DistillResult(**{**values, **changes})  # type: ignore[arg-type]


CHECKS = [
    Check(name="macs.torchinfo", limit=30_000_000, value=29_419_156),
    Check(name="int8_memory.activations", limit=196_608, value=210_944),
]
