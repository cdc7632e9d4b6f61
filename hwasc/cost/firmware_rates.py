"""Instructions of each piece of the C export's work, by core, and what they miss.

Written by `experiments/firmware/fit.py`.

`RATES`: by core, kind of work and piece, see `firmware_work`. `ERRORS`: how far the estimate for a whole net is off its count, on
nets that were not fitted: the median and the largest share.
"""

from __future__ import annotations

# fmt: off

RATES: dict[str, dict[str, dict[str, float]]] = {
    "cortex-m0+": {
        "add": {"outputs": 324.9, "rows": 55.72},
        "average": {"rows": 27230.0},
        "cells": {"div": 725.2, "mean": 180.8, "other": 169.4, "runs": 187.0},
        "conv": {"channels": 116.3, "gathered": 2.927, "lines": 80.04, "macs": 5.954, "odd": 0.6988, "outputs": 107.8,
            "rows": 320.3},
        "depthwise/1": {"macs": 4.088, "spread": 107.3},
        "depthwise/2": {"lines": 44.98, "macs": 3.144, "quad_macs": 1.742, "rows": 391.2, "spread": 54.42,
            "weights": 1.468},
        "engine": {"loaded_mels": 28.22, "pointers": 101.1, "scans": 27.62},
        "frame/float": {"butterflies": 389.7, "mels": 2813.0, "runs": 996.5, "window": 414.0, "zeros": 170.8},
        "mul_vector": {"channels": 26.9, "outputs": 150.0, "rows": 98.91},
        "pointwise": {"channels": 29.84, "macs": 5.96, "odd": 1.343, "outputs": 156.5, "rows": 226.9},
        "sum": {"channels": 85.26, "reads": 5.012, "rows": 71.54},
    },
    "cortex-m3": {
        "add": {"outputs": 105.5, "rows": 19.41},
        "average": {"columns": 4011.0},
        "cells": {"div": 225.7, "mean": 54.12, "other": 64.96, "runs": 84.91},
        "conv": {"channels": 52.59, "gathered": 0.9061, "lines": 60.85, "macs": 2.491, "odd": 2.512, "outputs": 44.44,
            "rows": 272.8},
        "depthwise/1": {"macs": 7.859, "spread": 43.25},
        "depthwise/2": {"lines": 11.45, "macs": 8.315, "quads": 22.65, "rows": 335.6, "spread": 19.96,
            "weights": 0.917},
        "engine": {"loaded_mels": 17.21, "pointers": 56.62, "scans": 19.13},
        "frame/float": {"butterflies": 215.8, "mels": 1334.0, "runs": 1044.0, "window": 240.3, "zeros": 98.3},
        "mul_vector": {"channels": 14.0, "outputs": 59.0, "rows": 42.98},
        "pointwise": {"channels": 26.8, "macs": 2.46, "odd": 2.854, "outputs": 62.17, "rows": 170.7},
        "sum": {"channels": 9.046, "reads": 5.002, "rows": 28.55},
    },
    "cortex-m4": {
        "add": {"outputs": 103.5, "rows": 20.23},
        "average": {"rows": 20040.0},
        "cells": {"div": 227.3, "mean": 53.14, "other": 61.44, "runs": 82.13},
        "conv": {"channels": 21.66, "gathered": 0.73, "lines": 61.94, "macs": 1.337, "odd": 0.6735, "outputs": 26.42,
            "rows": 274.1, "tails": 3.22},
        "depthwise/1": {"lines": 39.83, "macs": 2.963, "outputs": 14.73, "quad_macs": 0.6296, "rows": 164.7,
            "weights": 6.195},
        "depthwise/2": {"lines": 34.08, "macs": 3.023, "outputs": 16.0, "quad_rows": 0.05866, "rows": 95.38,
            "weights": 8.334},
        "engine": {"loaded_mels": 18.86, "pointers": 55.02, "scans": 21.63},
        "frame/float": {"bins": 38.38, "butterflies": 9.044, "mels": 89.41, "window": 14.77},
        "mul_vector": {"channels": 14.0, "outputs": 57.0, "rows": 42.0},
        "pointwise": {"channels": 44.45, "macs": 1.341, "odd": 0.6736, "outputs": 15.35, "rows": 71.18},
        "sum": {"channels": 9.043, "reads": 5.001, "rows": 28.86},
    },
    "cortex-m7": {
        "add": {"outputs": 98.45, "rows": 17.41},
        "average": {"rows": 20050.0},
        "cells": {"div": 219.9, "mean": 50.15, "other": 60.84, "runs": 75.61},
        "conv": {"channels": 16.72, "gathered": 0.7253, "lines": 66.63, "macs": 1.337, "odd": 0.6808, "outputs": 28.5,
            "rows": 266.3, "tails": 3.103},
        "depthwise/1": {"lines": 39.46, "macs": 2.899, "outputs": 16.25, "quad_macs": 0.8181, "rows": 184.1,
            "weights": 5.584},
        "depthwise/2": {"lines": 33.79, "macs": 2.979, "outputs": 17.92, "quad_rows": 0.03844, "rows": 90.68,
            "weights": 7.767},
        "engine": {"loaded_mels": 18.89, "pointers": 53.7, "scans": 21.68},
        "frame/float": {"bins": 49.26, "butterflies": 8.985, "mels": 87.1, "window": 14.76},
        "mul_vector": {"channels": 14.0, "outputs": 56.0, "rows": 39.87},
        "pointwise": {"channels": 42.9, "macs": 1.344, "odd": 0.6527, "outputs": 15.23, "rows": 67.84},
        "sum": {"channels": 9.044, "reads": 5.001, "rows": 25.77},
    },
    "cortex-m33": {
        "add": {"outputs": 105.5, "rows": 21.46},
        "average": {"rows": 20060.0},
        "cells": {"div": 225.6, "mean": 54.21, "other": 63.59, "runs": 79.99},
        "conv": {"channels": 17.38, "gathered": 0.8215, "lines": 61.54, "macs": 1.34, "odd": 0.6783, "outputs": 29.63,
            "rows": 270.5, "tails": 3.363},
        "depthwise/1": {"lines": 38.89, "macs": 2.965, "outputs": 14.97, "quad_macs": 0.6268, "rows": 168.2,
            "weights": 5.679},
        "depthwise/2": {"lines": 33.07, "macs": 3.023, "outputs": 16.26, "quad_rows": 0.06182, "rows": 97.25,
            "weights": 7.837},
        "engine": {"loaded_mels": 18.89, "pointers": 51.49, "scans": 21.65},
        "frame/float": {"bins": 38.32, "butterflies": 9.048, "mels": 89.46, "window": 14.78},
        "mul_vector": {"channels": 14.0, "outputs": 59.0, "rows": 43.11},
        "pointwise": {"channels": 46.41, "macs": 1.344, "odd": 0.6528, "outputs": 15.23, "rows": 71.1},
        "sum": {"channels": 9.041, "reads": 5.001, "rows": 29.06},
    },
    "cortex-m55": {
        "add": {"outputs": 92.43, "rows": 20.63},
        "average": {"reads": 7.705},
        "cells": {"div": 220.3, "mean": 47.35, "other": 53.3, "runs": 74.31},
        "conv": {"channels": 42.74, "gathered": 1.182, "lines": 56.1, "macs": 0.1253, "outputs": 5.445, "rows": 252.2},
        "depthwise/1": {"macs": 1.238, "rows": 196.2, "spread": 7.746},
        "depthwise/2": {"lines": 0.7004, "macs": 1.248, "quads": 5.389, "rows": 222.8, "spread": 3.63,
            "weights": 0.549},
        "engine": {"loaded_mels": 16.9, "pointers": 49.29, "runs": 1950.0, "scans": 21.12},
        "frame/float": {"bins": 38.61, "butterflies": 8.718, "mels": 103.7, "window": 15.77},
        "mul_vector": {"channels": 14.0, "outputs": 49.0, "rows": 41.13},
        "pointwise": {"channels": 23.71, "macs": 0.1469, "odd": 0.01433, "outputs": 13.73, "rows": 80.32},
        "sum": {"channels": 9.036, "reads": 5.001, "rows": 29.25},
    },
}

ERRORS: dict[str, tuple[float, float]] = {
    "cortex-m0+": (0.0044, 0.0133),
    "cortex-m3": (0.0066, 0.0101),
    "cortex-m4": (0.0033, 0.0284),
    "cortex-m7": (0.0033, 0.0295),
    "cortex-m33": (0.0032, 0.0282),
    "cortex-m55": (0.0074, 0.0103),
}
