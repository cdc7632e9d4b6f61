"""Data sets: clips, splits by location, and caches of features and logits."""
