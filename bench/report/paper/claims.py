"""The orderings that the paper claims, tested on the record."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from bench.harness import scores
from bench.protocol import Status
from bench.report.curves import label_of
from bench.report.names import full_name
from bench.report.paper import core
from bench.report.paper.record import COLUMNS, METHODS, TITLES, Record
from bench.report.statistics import above, interval, p_value
from bench.report.sweeps import prepare
from bench.report.writers.markdown import grid

LEVEL = 0.05


def markdown(record: Record) -> str:
    """Write every claim with the paired test that bears it, or by how much it fails."""
    lines = []
    rivals = [column for column in COLUMNS if column != "range"]
    for dataset, winner in (("shoes", "DDS"), ("celeba", "DDS"), ("svhn", "DD")):
        for rival in rivals:
            # The paper has no DDS on SVHN, and its claim is about its own columns.
            if rival != winner and not (dataset == "svhn" and rival == "DDS"):
                margin = 1.5 if winner == "DDS" and rival == "DeblurGAN" else 0.0
                lines.append(_line(record, dataset, winner, rival, margin))
    sections = [
        "# The paper's orderings, on our record",
        ", ".join(f"{column} is {full_name(METHODS[column])}" for column in rivals) + ".",
        "Paired by image, at 1 % noise; p of the one-sided permutation test about the margin "
        "(clustered by kernel) and of Wilcoxon's signed-rank test. *holds*: p < 0.05; *reversed*: "
        "the difference has the other sign; *open*: neither.",
        grid(lines, ["set", "claim", "difference (dB)", "p", "p Wilcoxon", "n", "verdict"]),
        *_sweep_claim(
            record,
            "noise",
            "Range images are deblurred best under noise",
            "dd",
            {"svhn": "svhn-range", "celeba": "celeba-range"},
        ),
        *_sweep_claim(
            record,
            "blur-length",
            "DDS is best at every blur length",
            "dds",
            {"shoes": "shoes", "celeba": "celeba"},
        ),
        *core.markdown(record),
    ]
    return "\n\n".join(sections) + "\n"


def _line(record: Record, dataset: str, first: str, second: str, margin: float) -> list[str]:
    claim = f"{first} above {second}" + (f" by more than {margin:g} dB" if margin else "")
    pair = record.column(dataset, first).merge(
        record.column(dataset, second), on="image", suffixes=("", "_other")
    )
    if pair.empty:
        return [TITLES[dataset], claim, "–", "–", "–", "0", "not measured"]
    difference, wilcoxon = above(
        pair["psnr"], pair["psnr_other"], pair["kernel_id"].tolist(), margin
    )
    return [
        TITLES[dataset],
        claim,
        interval(difference),
        p_value(difference.p_value),
        p_value(wilcoxon),
        str(difference.n),
        _verdict(difference.mean - margin, difference.p_value),
    ]


def _verdict(lead: float, p: float) -> str:
    if lead < 0 and p > 1 - LEVEL:
        return "reversed"
    return "holds" if p < LEVEL else "open"


def _sweep_claim(
    record: Record, sweep: str, title: str, winner: str, sets: Mapping[str, str]
) -> list[str]:
    """Test at every value of a sweep whether the winner is above all the others there.

    ``sets`` maps a dataset to the one that the winner is measured on, which is another for range
    images. The p-value is the largest of the pairs': all of them have to hold.
    """
    folder = record.folder / "sweeps" / sweep
    if not folder.is_dir():
        return [f"## {title}", "Not measured yet."]
    frame = prepare(scores.read(folder), sweep)
    frame = frame[frame["status"] == Status.OK]
    lines = []
    for dataset, own in sets.items():
        # Range images are among the columns only where the claim is about them.
        for value, rows in frame[frame["dataset"].isin({dataset, own})].groupby("value"):
            found = _shared_scores(rows)
            top = label_of(own, winner)
            if top not in found or len(found.columns) < 2:
                continue
            clusters = [kernel for _, kernel in found.index]
            rivals = [str(name) for name in found if name != top]
            tests = {name: above(found[top], found[name], clusters) for name in rivals}
            means = {name: float(found[name].mean()) for name in found}
            best = max(rivals, key=lambda name: means[name])
            difference = tests[best][0]
            permutation = max(found.p_value for found, _ in tests.values())
            lines.append(
                [
                    TITLES[dataset],
                    f"{value:g}",
                    f"{means[top]:.2f}",
                    f"{best} {means[best]:.2f}",
                    interval(difference),
                    p_value(permutation),
                    p_value(max(wilcoxon for _, wilcoxon in tests.values())),
                    str(difference.n),
                    _verdict(difference.mean, permutation),
                ]
            )
    if not lines:
        return [f"## {title}", "Not measured yet."]
    headers = ["set", sweep, "mean (dB)", "next best", "lead (dB)", "p", "p Wilcoxon", "n",
               "verdict"]  # fmt: skip
    note = (
        "Blind methods of the paper, oracles and ours left out; means are over the images that all "
        "of them have. The largest p of the tests against each of the others, for the claim is "
        "about all of them."
    )
    return [
        f"## {title}",
        note,
        grid(lines, headers),
    ]


def _shared_scores(rows: pd.DataFrame) -> pd.DataFrame:
    """PSNR per image and kernel, a column per curve, of the images that all curves have.

    Range images are other images, under the same kernels.
    """
    rows = rows[rows["method"].isin(set(COLUMNS.values()))]
    pairs = zip(rows["dataset"], rows["method"], strict=True)
    rows = rows.assign(label=[label_of(dataset, method) for dataset, method in pairs])
    return rows.pivot_table(index=["image", "kernel_id"], columns="label", values="psnr").dropna()
