"""Oracles: what is reachable when the truth, or a part of it, is known."""
