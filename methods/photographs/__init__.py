"""Blind deconvolution of photographs in PyTorch: a fast kernel estimate, and the method of it."""
