"""Is one method better than another? Pair them by image, and give the difference its interval.

``python compare_two.py [IMAGES]``
"""

import sys

import matplotlib.pyplot as plt

import bench
from bench.report.statistics import paired_difference

IMAGES = int(sys.argv[1]) if len(sys.argv) > 1 else 24

if __name__ == "__main__":
    frame = bench.run("unet,cnn", "celeba-samples", images=IMAGES)
    table = frame.pivot(index="image", columns="method", values="psnr")
    found = paired_difference(table["unet"], table["cnn"])
    sentence = (
        f"{found.mean:+.2f} dB [{found.low:+.2f}, {found.high:+.2f}], p = {found.p_value:.4f}"
    )
    print(f"unet − cnn: {sentence} on {found.n} images")

    figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
    difference = (table["unet"] - table["cnn"]).sort_values(ascending=False)
    left.bar(range(len(difference)), difference)
    left.axhspan(found.low, found.high, color="k", alpha=0.2, label="mean, 95 %")
    left.set(xlabel="images, in order", ylabel="unet − cnn (dB)")
    left.legend(frameon=False)
    right.plot(table["cnn"], table["unet"], "o", alpha=0.6)
    right.axline((25, 25), slope=1, color="0.6", linestyle="--")
    right.set(xlabel="cnn (dB)", ylabel="unet (dB)", aspect="equal")
    figure.savefig("compare_two.png", dpi=120)
