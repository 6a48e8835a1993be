"""A folder of one's own sharp pictures: blurred, restored and scored without a line about it.

``python own_folder.py [SIDE]``
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import skimage

import bench

SIDE = int(sys.argv[1]) if len(sys.argv) > 1 else 256
METHODS = "blurry,sparse-edges,known-kernel"

if __name__ == "__main__":
    folder = Path("pictures")  # yours would be here already
    folder.mkdir(exist_ok=True)
    for name in ("chelsea", "coffee", "rocket"):
        picture = getattr(skimage.data, name)()[:SIDE, 100 : 100 + SIDE]
        skimage.io.imsave(folder / f"{name}.png", picture)

    # Each picture gets a motion blur and noise; the border is cropped to what the picture explains.
    frame = bench.run(METHODS, f"folder:{folder}", noise=0.01)
    table = frame.pivot(index="image", columns="method", values="psnr")[METHODS.split(",")]
    print(table.round(2))

    figure, axes = plt.subplots(figsize=(6, 2.8), layout="constrained")
    table.plot.bar(ax=axes, rot=0, ylabel="PSNR (dB)", xlabel="")
    axes.legend(title=None, frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1))
    figure.savefig("own_folder.png", dpi=120)
