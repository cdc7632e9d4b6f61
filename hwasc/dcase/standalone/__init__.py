"""What a DCASE 2025 inference package is made of: these modules are copied into it as they are.

They need torch, numpy, soundfile, soxr and safetensors, and never hwasc.
"""
