"""Data sets: clip tables, location-disjoint splits, and what is kept on disk by content (features, logits)."""
