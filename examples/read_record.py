"""The results of record, read with pandas: what a method gains, and what each image costs it."""

# %% The table of scores: one row per data set, condition, method and image.
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

import bench

record = Path(bench.__file__).parent.parent / "results" / "record"  # of a clone
scores = pd.read_csv(record / "scores.csv", dtype={"image": str}, low_memory=False)
faces = scores.query("dataset == 'celeba' and condition == 'noise 0.01, seed 0' and status == 'ok'")

# %% Means over all 80 faces, of the methods that restored every one.
means = faces.groupby("method")["psnr"].agg(["mean", "count"])
print(means[means["count"] == 80].sort_values("mean", ascending=False).head(8).round(2))

# %% Image by image: where does Deep Deblur with slack lose to the evidence alone?
table = faces.pivot(index="image", columns="method", values="psnr")
figure, axes = plt.subplots(figsize=(4, 3.6), layout="constrained")
axes.plot(table["dds"], table["marginal-learned"], "o", alpha=0.6)
axes.axline((30, 30), slope=1, color="0.6", linestyle="--")
axes.set(xlabel="dds (dB)", ylabel="marginal-learned (dB)", title="CelebA, 1 % noise")
figure.savefig("read_record.png", dpi=120)
