"""Fit the model of natural images that the metric ``naturalness`` measures distances from.

``python -m bench.datasets.fit_naturalness`` takes the 200 training photographs of BSDS500 in
``train/natural.zip``; none of them is in a test set.
"""

from __future__ import annotations

import numpy as np
import safetensors.torch
import torch

from bench.datasets.whole_photos import training_pictures
from bench.metrics._naturalness import MODEL, SHARP, patch_features
from bench.physics.intensity import luma


def fit() -> dict[str, torch.Tensor]:
    """Return ``mean`` (36,) and ``covariance`` (36, 36) of the features of sharp patches."""
    chosen = []
    for picture in training_pictures():
        features, contrast = patch_features(luma(picture[None].double())[0, 0].numpy())
        chosen.append(features[contrast >= SHARP * contrast.max()])
    found = np.concatenate(chosen)
    print(f"{len(found)} patches of {len(chosen)} photographs")
    return {
        "mean": torch.from_numpy(found.mean(0)).float(),
        "covariance": torch.from_numpy(np.cov(found.T)).float(),
    }


if __name__ == "__main__":
    model = fit()
    card = {"data": "BSDS500, 200 training photographs", "made by": "datasets/fit_naturalness.py"}
    safetensors.torch.save_file(model, MODEL, metadata=card)
    print(f"Model: {MODEL}")
