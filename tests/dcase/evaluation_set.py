"""The evaluation set of these tests: how many clips it has, and their devices in turn."""

CLIPS = 70
DEVICES = ("a", "s1", "s7", "unknown")
