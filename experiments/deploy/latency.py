"""Fits the latency table on published figures and prints it with its errors; sources: latency_sources.md. `python latency.py`

One shape (cycles a MAC, cycles an output element) serves every core with the DSP extension, for they run the same kernels; each
published chip and runtime has a scale of its own. A target's scale is the geometric mean of its sources'. All published depthwise
kernels are 3x3, which cannot tell a MAC from an output: a MAC is taken to cost what it does in a general convolution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import nets
import numpy as np
from scipy.optimize import least_squares, nnls

from hwasc.cost.graph import Graph
from hwasc.cost.latency import CYCLES

KINDS = ("conv", "pointwise", "output", "depthwise_output")


@dataclass(frozen=True)
class Figure:
    """Cycles of one inference, or of `operators` of it only, by one source (chip and runtime, a key of latency_sources.md)."""

    source: str
    net: str
    cycles: float
    operators: tuple[int, ...] = ()

    @property
    def target(self) -> str:
        return "cortex-" + self.source.split(":")[0]


def rate(source: str, mhz: float, **inferences: float) -> list[Figure]:
    """Figures published as inferences a second."""
    return [Figure(source, net, mhz * 1e6 / n) for net, n in inferences.items()]


def kws(source: str, conv: int, depthwise: Sequence[int], pointwise: Sequence[int]) -> list[Figure]:
    """Figures published by operator of the keyword net."""
    return [
        Figure(source, "kws", conv, (0,)),
        Figure(source, "kws", sum(depthwise), (1, 3, 5, 7)),
        Figure(source, "kws", sum(pointwise), (2, 4, 6, 8)),
    ]


FITTED = [
    *rate("m4:tvm", 120, ic=2.567, vww=3.320, kws=10.019),
    *rate("m4:onnc", 120, ic=3.372, vww=5.056, kws=10.679),
    *kws("m4:apollo3", 1_563_449, (721_567, 847_010, 751_361, 721_449), (1_358_540, 1_403_258, 1_358_781, 1_358_853)),
    *kws("m4:apollo4", 1_330_087, (614_770, 614_535, 614_701, 614_501), (1_202_939, 1_202_842, 1_202_838, 1_202_896)),
    *rate("m33:tvm", 128, ic=3.163, vww=4.310, kws=13.143),
    *rate("m33:tflm", 200, ic=4.062, vww=6.159, kws=19.774),
    Figure("m33:mcx", "person", 26_316_498),
    Figure("m7:f746", "mobilenet_v2", 0.129 * 216e6),
]
# The same runtime (X-CUBE-AI 8.0, which is not CMSIS-NN) on both cores: inferences a second at 120 and at 280 MHz
XCUBE = {"ic": (4.505, 18.215), "vww": (4.522, 19.867), "kws": (13.759, 60.988)}
# CMSIS-NN on an STM32H743 at 480 MHz: (milliseconds, MACs); their layers are not published, so MobileNetV2's mix stands in
H743 = [
    (51, 6.4e6),
    (103, 12.8e6),
    (642, 67.3e6),
    (770, 81.8e6),
    (53, 6.0e6),
    (97, 11.6e6),
    (478, 55.8e6),
    (380, 38.3e6),
]
M55 = kws("m55:apollo510", 347_648, (217_892, 217_882, 217_896, 217_867), (219_939, 219_977, 219_977, 219_974))
POOL = {"m4:apollo4": 75_263, "m4:apollo3": 91_621, "m55": 14_889}  # KWS's pool: 25 x 5 positions of 64 channels
POOL_READS = 25 * 5 * 64
# RP2040 at 125 MHz, person detection: microseconds of each (depthwise, 1x1) pair, then the pool over 3 x 3 x 256
RP2040 = [
    (60_270, 46_264),
    (29_554, 31_129),
    (57_453, 47_209),
    (14_471, 23_856),
    (27_611, 40_094),
    (7_013, 21_395),
    (15_268, 38_805),
    (12_980, 38_766),
    (13_015, 38_739),
    (12_987, 38_784),
    (12_986, 38_744),
    (3_519, 23_982),
    (5_959, 45_617),
]
RP2040_POOL = 870
# One operator over 1 x 32 x 32 x 16 on the Apollo510; mean and subtraction are the reference kernels there
ELEMENTS = 32 * 32 * 16
APOLLO510 = {"add": 218_369 / ELEMENTS, "mul": 132_152 / ELEMENTS, "mean": 2_230_860 / ELEMENTS}
REFERENCE = 1_921_818 / ELEMENTS
DISPATCH = 400  # an operator that does next to nothing (RESHAPE): 414 on the Apollo4, 397 on the Apollo510


def features(graph: Graph, operators: Sequence[int] = ()) -> np.ndarray:
    """MACs of general and depthwise, of 1x1 convolutions; output elements of these and of sums, of depthwise convolutions.

    Pools are left out: they are below 1 %.
    """
    out = np.zeros(len(KINDS))
    for i in operators or range(len(graph.operators)):
        op = graph.operators[i]
        _, h, w, c = graph.tensors[op.output]
        if op.kind in ("conv", "depthwise"):
            out[0 if op.area > 1 else 1] += op.macs
        if op.kind != "average_pool":
            out[3 if op.kind == "depthwise" else 2] += h * w * c
    return out


def fit(figures: Sequence[Figure]) -> tuple[np.ndarray, dict[str, float]]:
    """(shape, scale by source), by least squares of the logarithms; the geometric mean of the M4's scales is 1."""
    sources = list(dict.fromkeys(f.source for f in figures))
    x = np.array([features(nets.NETS[f.net](), f.operators) for f in figures])
    y = np.log([f.cycles for f in figures])
    at = [sources.index(f.source) for f in figures]

    def error(p: np.ndarray) -> np.ndarray:
        return np.log(x @ p[:4]) + np.concatenate([[0], p[4:]])[at] - y

    n = len(sources) - 1
    bounds = ([1e-6] * 4 + [-3] * n, [500] * 4 + [3] * n)
    starts = ([3, 2, 6, 20], [2, 2, 2, 60], [3, 3, 3, 100])
    best = min((least_squares(error, [*s, *[0] * n], bounds=bounds) for s in starts), key=lambda r: r.cost).x
    logs = dict(zip(sources, [0.0, *best[4:]], strict=True))
    m4 = float(np.mean([v for k, v in logs.items() if k.startswith("m4")]))
    return best[:4] * math.exp(m4), {k: math.exp(v - m4) for k, v in logs.items()}


def more_scales(shape: np.ndarray) -> dict[str, float]:
    """The M7's further sources: through X-CUBE-AI's ratio of the two cores, and from the H743's totals."""
    ratio = [(280 / on_m7) / (120 / on_m4) for on_m4, on_m7 in XCUBE.values()]
    mix = features(nets.NETS["mobilenet_v2"]())
    total = [ms * 480e3 / macs for ms, macs in H743]
    per_mac = float(mix @ shape) / mix[:2].sum()
    return {"m7:xcube": math.exp(np.mean(np.log(ratio))), "m7:h743": math.exp(np.mean(np.log(total))) / per_mac}


def scale(scales: dict[str, float], core: str, without: str = "") -> float:
    """A core's scale: the geometric mean of its sources', one of them left out."""
    return math.exp(np.mean([math.log(v) for k, v in scales.items() if k.startswith(core + ":") and k != without]))


def left_out() -> list[tuple[Figure, float]]:
    """Every whole-net figure with estimate / figure by what is left without its source and without its net."""
    out = []
    for figure in (f for f in FITTED if not f.operators):
        rest = [f for f in FITTED if f.source != figure.source and f.net != figure.net]
        shape, scales = fit(rest)
        core = figure.source.split(":")[0]
        scales |= more_scales(shape)
        estimate = float(features(nets.NETS[figure.net]()) @ shape) * scale(scales, core, figure.source)
        out.append((figure, estimate / figure.cycles))
    return out


def table() -> dict[str, dict[str, float]]:
    """The fitted table: cycles by target and kind."""
    shape, scales = fit(FITTED)
    scales |= more_scales(shape)
    one = {f.operators: float(features(nets.NETS["kws"](), f.operators) @ shape) for f in M55}
    mve = {k: f.cycles / one[f.operators] for k, f in zip(("conv", "depthwise", "pointwise"), M55, strict=True)}
    pool = math.exp(np.mean([math.log(POOL[s] / POOL_READS / scales[s]) for s in ("m4:apollo4", "m4:apollo3")]))
    # elementwise kernels requantize, as a 1x1 convolution does for each output: they scale with that
    elementwise = {name: APOLLO510[name] / (shape[2] * mve["pointwise"]) for name in ("add", "mul")}
    out = {}
    for target in ("m4", "m7", "m33"):
        s = scale(scales, target)
        row = rates(shape, dict.fromkeys(mve, s)) | {k: v * shape[2] * s for k, v in elementwise.items()}
        out[target] = row | {"pool": pool * s, **scalar(s)}
    row = {"add": APOLLO510["add"], "mul": APOLLO510["mul"], "pool": POOL["m55"] / POOL_READS}
    out["m55"] = rates(shape, mve) | row | scalar(1.0)
    per_mac, output, depthwise_output = rp2040(shape)
    s = output / shape[2]
    m0 = np.array([per_mac * shape[0] / shape[1], per_mac, output, depthwise_output])
    row = {k: v * output for k, v in elementwise.items()} | {"pool": RP2040_POOL * 125.0 / (9 * 256)}
    out["m0+"] = rates(m0, dict.fromkeys(mve, 1.0)) | row | scalar(s)
    return {f"cortex-{k}": {name: float(v) for name, v in row.items()} for k, row in out.items()}


def rates(shape: np.ndarray, scales: dict[str, float]) -> dict[str, float]:
    """Cycles a MAC and an output element of each kind of convolution, which has its own scale."""
    general, pointwise, output, depthwise_output = shape
    row = {"conv": (general, output), "pointwise": (pointwise, output), "depthwise": (general, depthwise_output)}
    macs = {name: pair[0] * scales[name] for name, pair in row.items()}
    return macs | {f"{name}_output": pair[1] * scales[name] for name, pair in row.items()}


def scalar(s: float) -> dict[str, float]:
    """What runs as plain C on every core, and the interpreter's own work."""
    return {"mean": APOLLO510["mean"] * s, "reference": REFERENCE * s, "operator": DISPATCH * s}


def rp2040(shape: np.ndarray) -> tuple[float, float, float]:
    """(cycles a 1x1 MAC, an output element, a depthwise output element), by relative least squares over its operators.

    A general convolution's MAC, which it never runs, keeps the M4's ratio to a 1x1's.
    """
    graph, us = nets.NETS["person"](), np.array(RP2040, float) * 125.0
    x = np.array([features(graph, [2 + 2 * i]) for i in range(len(us))])[:, 1:3]
    per_mac, output = nnls(x / us[:, 1:], np.ones(len(us)))[0]
    x = np.array([features(graph, [1 + 2 * i]) for i in range(len(us))])
    each = (us[:, 0] - x[:, 0] * per_mac * shape[0] / shape[1]) / x[:, 3]
    return float(per_mac), float(output), float(np.mean(each))


def main() -> None:
    """Print the nets, the fit, the errors and the table."""
    print("| net | MACs | general, depthwise | 1x1 | outputs | depthwise outputs |\n|---|---|---|---|---|---|")
    for name, build in nets.NETS.items():
        f = features(build())
        print(f"| {name} | {f[:2].sum():,.0f} | " + " | ".join(f"{n:,.0f}" for n in f) + " |")
    shape, scales = fit(FITTED)
    extra = more_scales(shape)
    print("\nshape: " + ", ".join(f"{k} {v:.2f}" for k, v in zip(KINDS, shape, strict=True)))
    print("scales: " + ", ".join(f"{k} {v:.2f}" for k, v in (scales | extra).items()))
    print("\n| source | net | cycles | fit / figure |\n|---|---|---|---|")
    for f in FITTED:
        ratio = float(features(nets.NETS[f.net](), f.operators) @ shape) * scales[f.source] / f.cycles
        where = f" {','.join(map(str, f.operators))}" if f.operators else ""
        print(f"| {f.source} | {f.net}{where} | {f.cycles / 1e6:,.2f} M | {ratio:.2f} |")
    print("\n| left out: source and net | estimate / figure |\n|---|---|")
    errors = left_out()
    for f, r in errors:
        print(f"| {f.source} {f.net} | {r:.2f} |")
    for core in ("m4", "m33", "m7"):
        ours = [r for f, r in errors if f.source.startswith(core + ":")]
        print(f"{core}: estimate / figure {min(ours):.2f} to {max(ours):.2f}")
    for source in ("m7:f746", "m7:xcube", "m7:h743"):
        print(f"m7 without {source}: {scale(scales | extra, 'm7', source) / (scales | extra)[source]:.2f}")
    print("root mean square of the logarithms: " + f"{math.sqrt(np.mean([math.log(r) ** 2 for _, r in errors])):.2f}")
    for target, row in table().items():
        print(f"\n{target}\n  " + ", ".join(f"{k} {v:.3g}" for k, v in row.items()))
        print("  in the code: " + str(CYCLES.get(target)))


if __name__ == "__main__":
    main()
