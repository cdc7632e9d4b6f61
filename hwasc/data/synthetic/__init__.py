"""A synthetic data set of acoustic scenes, written in the layout of TAU Urban Acoustic Scenes 2022 Mobile."""

from hwasc.data.synthetic.generate import VERSION, SyntheticSpec, generate

__all__ = ["VERSION", "SyntheticSpec", "generate"]
