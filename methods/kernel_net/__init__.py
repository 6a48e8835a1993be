"""A network from an observation to its blur kernel: the learned start of the warm methods."""
