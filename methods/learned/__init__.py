"""A learned non-blind step: a network that restores from an observation and estimated kernels."""
