"""Measurements of the tool itself: proxies, strategies, the flow of data."""
