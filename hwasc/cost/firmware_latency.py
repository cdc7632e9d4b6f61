"""Stand-in."""


def estimate_c(*args, **kwargs):
    raise NotImplementedError
