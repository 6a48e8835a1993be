"""What all trainings share: the loop, its checkpoints, and the command ``python -m bench train``."""
