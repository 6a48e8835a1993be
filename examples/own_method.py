"""A method of one's own: a Wiener filter for a guessed blur, measured like all others.

``python own_method.py [IMAGES]``
"""

import sys

import matplotlib.pyplot as plt
import torch

import bench
from bench.physics.forward import apply_transfer, transfer_function


def box_wiener(observation):
    """Undo a blur of 4 × 4 pixels in images of shape (N, C, H, W), whatever theirs was."""
    size = observation.shape[-2:]
    transfer = transfer_function(torch.full((1, 4, 4), 1 / 16), size)[:, None]
    frequency = torch.fft.fftfreq(size[0])[:, None] ** 2 + torch.fft.rfftfreq(size[1]) ** 2
    inverse = transfer.conj() / (transfer.abs() ** 2 + 4 * frequency)
    return apply_transfer(observation, inverse).clamp(0, 1)


if __name__ == "__main__":
    images = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    mine = bench.evaluate(box_wiener, "photos", images=images)
    gain = mine["psnr"] - bench.run("blurry", "photos", images=images)["psnr"]
    print(f"{gain.mean():+.2f} dB over the observation, on {len(gain)} photographs")

    most = bench.load("photos")[int(gain.argmax())]
    y, truth = most.observation, most.sample.image
    pictures = {"observation": y, "restored": box_wiener(y[None])[0], "truth": truth}
    figure, axes = plt.subplots(1, 3, figsize=(6, 2.3), layout="constrained")
    for axis, (name, picture) in zip(axes, pictures.items(), strict=True):
        axis.imshow(picture.permute(1, 2, 0))
        decibels = "" if picture is truth else f", {bench.score(picture, truth)['psnr']:.1f} dB"
        axis.set_title(name + decibels, fontsize=8)
        axis.axis("off")
    figure.savefig("own_method.png", dpi=120)
