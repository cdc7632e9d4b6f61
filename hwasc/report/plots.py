"""Every picture of a report, each a function that returns an SVG element as text."""

from hwasc.report.bands import strategy_curves
from hwasc.report.curves import noise_curve, pareto_plot, search_curve, training_curve
from hwasc.report.dots import dots
from hwasc.report.row_timeline import row_timeline
from hwasc.report.timeline import layer_chart, memory_timeline

__all__ = [
    "dots",
    "layer_chart",
    "memory_timeline",
    "noise_curve",
    "pareto_plot",
    "row_timeline",
    "search_curve",
    "strategy_curves",
    "training_curve",
]
