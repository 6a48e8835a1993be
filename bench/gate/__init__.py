"""The gate: what the code computes now, held against a reference.

Pieces
    Single steps of the methods on fixed inputs, at a tight tolerance that holds on every
    processor (:mod:`bench.methods.pieces`).
Whole methods
    On the first images of the sample sets, which need no data: the median over the images of the
    difference to the reference, with a tolerance that :mod:`bench.gate.stability` measures.
"""

from bench.gate.checking import Finding, check, update
from bench.gate.reference import REFERENCE
from bench.gate.stability import measure_stability

__all__ = ["REFERENCE", "Finding", "check", "measure_stability", "update"]
