"""Runtime `litert-ref`: LiteRT with its reference kernels."""

from __future__ import annotations

from hwasc.deploy.runtimes.tflm import TfliteRuntime

RUNTIME = TfliteRuntime("litert-ref")
