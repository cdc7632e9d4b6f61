"""Costs from the deployment graph, without torch: parameters, MACs, int8 memory, budgets checked."""

from hwasc.cost.measure import Costs, Int8Memory, Layer, Macs, layers, measure

__all__ = ["Costs", "Int8Memory", "Layer", "Macs", "layers", "measure"]
