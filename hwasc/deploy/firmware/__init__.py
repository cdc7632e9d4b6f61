"""Firmware in C99 without dependencies: from int16 samples to the class, the net run row by row."""
