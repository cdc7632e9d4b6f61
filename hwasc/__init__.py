"""hwasc: hardware-aware architecture search and compression for acoustic scene classification.

import hwasc
ws = hwasc.open("my_recordings", seed=0)
found = hwasc.search(ws, budget="nrf52840")
student = hwasc.distill(ws, found.best, run="runs/s")
student.export("student.tflite")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

_MODULES = {  # public name -> module, imported at its first use
    "open": "hwasc.api.datasets",
    "fetch": "hwasc.api.datasets",
    "fetch_net": "hwasc.api.datasets",
    "check": "hwasc.api.datasets",
    "init": "hwasc.api.settings",
    "search": "hwasc.api.architectures",
    "profile": "hwasc.api.architectures",
    "teach": "hwasc.api.teachers",
    "distill": "hwasc.api.students",
    "evaluate": "hwasc.api.students",
    "export": "hwasc.api.students",
    "compare": "hwasc.api.comparisons",
    "load": "hwasc.api.recordings",
    "predict": "hwasc.api.recordings",
    "budgets": "hwasc.api.bundled",
    "spaces": "hwasc.api.bundled",
    "bench_proxies": "hwasc.api.benchmarks",
    "bench_strategies": "hwasc.api.benchmarks",
    "bench_data": "hwasc.api.benchmarks",
    "bench_firmware": "hwasc.api.benchmarks",
    "submit": "hwasc.api.challenge",
    "Architecture": "hwasc.records.architecture",
    "ArchitectureFile": "hwasc.records.architecture",
    "Block": "hwasc.records.blocks",
    "Classifier": "hwasc.students.classifier",
    "Budget": "hwasc.records.budget",
    "Comparison": "hwasc.students.comparison",
    "DataError": "hwasc.errors",
    "DistillResult": "hwasc.students.result",
    "EnsembleSummary": "hwasc.ensemble.summary",
    "Evaluation": "hwasc.students.evaluation",
    "FrontEnd": "hwasc.records.front_end",
    "GRN": "hwasc.records.blocks",
    "HwascError": "hwasc.errors",
    "InfeasibleBudget": "hwasc.errors",
    "InvertedResidual": "hwasc.records.blocks",
    "Member": "hwasc.records.teacher_settings",
    "Predictions": "hwasc.students.prediction",
    "Profile": "hwasc.deploy.profiling",
    "SearchResult": "hwasc.nas.result",
    "SearchSpace": "hwasc.records.space",
    "Settings": "hwasc.records.settings",
    "UsageError": "hwasc.errors",
    "Workspace": "hwasc.workspace",
    "cp_mobile": "hwasc.records.presets",
    "dcase2024_baseline": "hwasc.records.presets",
    "measure": "hwasc.cost.measure",
}
__all__ = [*_MODULES, "__version__"]

if TYPE_CHECKING:
    from hwasc.api.architectures import profile as profile
    from hwasc.api.architectures import search as search
    from hwasc.api.benchmarks import bench_data as bench_data
    from hwasc.api.benchmarks import bench_firmware as bench_firmware
    from hwasc.api.benchmarks import bench_proxies as bench_proxies
    from hwasc.api.benchmarks import bench_strategies as bench_strategies
    from hwasc.api.bundled import budgets as budgets
    from hwasc.api.bundled import spaces as spaces
    from hwasc.api.challenge import submit as submit
    from hwasc.api.comparisons import compare as compare
    from hwasc.api.datasets import check as check
    from hwasc.api.datasets import fetch as fetch
    from hwasc.api.datasets import fetch_net as fetch_net
    from hwasc.api.datasets import open as open
    from hwasc.api.recordings import load as load
    from hwasc.api.recordings import predict as predict
    from hwasc.api.settings import init as init
    from hwasc.api.students import distill as distill
    from hwasc.api.students import evaluate as evaluate
    from hwasc.api.students import export as export
    from hwasc.api.teachers import teach as teach
    from hwasc.cost.measure import measure as measure
    from hwasc.deploy.profiling import Profile as Profile
    from hwasc.ensemble.summary import EnsembleSummary as EnsembleSummary
    from hwasc.errors import DataError as DataError
    from hwasc.errors import HwascError as HwascError
    from hwasc.errors import InfeasibleBudget as InfeasibleBudget
    from hwasc.errors import UsageError as UsageError
    from hwasc.nas.result import SearchResult as SearchResult
    from hwasc.records.architecture import Architecture as Architecture
    from hwasc.records.architecture import ArchitectureFile as ArchitectureFile
    from hwasc.records.blocks import GRN as GRN
    from hwasc.records.blocks import Block as Block
    from hwasc.records.blocks import InvertedResidual as InvertedResidual
    from hwasc.records.budget import Budget as Budget
    from hwasc.records.front_end import FrontEnd as FrontEnd
    from hwasc.records.presets import cp_mobile as cp_mobile
    from hwasc.records.presets import dcase2024_baseline as dcase2024_baseline
    from hwasc.records.settings import Settings as Settings
    from hwasc.records.space import SearchSpace as SearchSpace
    from hwasc.records.teacher_settings import Member as Member
    from hwasc.students.classifier import Classifier as Classifier
    from hwasc.students.comparison import Comparison as Comparison
    from hwasc.students.evaluation import Evaluation as Evaluation
    from hwasc.students.prediction import Predictions as Predictions
    from hwasc.students.result import DistillResult as DistillResult
    from hwasc.workspace import Workspace as Workspace


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'hwasc' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
