"""Generative priors: published architectures, training, weights and what is fitted with them."""
