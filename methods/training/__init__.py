"""What all trainings share: the loop, its checkpoints, and ``python -m bench train``."""
