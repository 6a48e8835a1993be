"""An honest benchmark for blind image deconvolution, ``y = x ⊗ k + n``."""

__version__ = "0.2.0"
