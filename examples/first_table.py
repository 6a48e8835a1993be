"""A first table from Python: three methods on faces that come with the package.

``python first_table.py [IMAGES]``
"""

import sys

import matplotlib.pyplot as plt

import bench

IMAGES = int(sys.argv[1]) if len(sys.argv) > 1 else 8

if __name__ == "__main__":
    # One row per image and method: all metrics, the time, and what became of it.
    frame = bench.run("blurry,unet,known-kernel", "celeba-samples", images=IMAGES)
    print(frame.groupby("method")[["psnr", "ssim", "seconds"]].mean().round(3))

    figure, axes = plt.subplots(figsize=(6, 2.6), layout="constrained")
    for place, (method, rows) in enumerate(frame.groupby("method", sort=False)):
        axes.plot(rows["psnr"], [place] * len(rows), "o", alpha=0.5)
        axes.plot(rows["psnr"].mean(), place, "|k", markersize=24, markeredgewidth=2)
        axes.text(rows["psnr"].min() - 0.6, place, method, ha="right", va="center")
    axes.set(xlabel="PSNR (dB); the bar is the mean", yticks=[], ylim=(2.6, -0.6))
    axes.set_xlim(left=frame["psnr"].min() - 6)
    figure.savefig("first_table.png", dpi=120)
