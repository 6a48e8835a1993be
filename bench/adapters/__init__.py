"""Other people's objects as methods: a plain function, a deepinv reconstructor."""

from bench.adapters.functions import from_function

__all__ = ["from_function"]
