"""The modules of a DCASE 2025 inference package; they are copied into it unchanged.

They need torch, numpy, soundfile, soxr and safetensors, but not hwasc.
"""
