"""Training by recipes: recipe, trainer, checkpoints, and the store of trained models."""
