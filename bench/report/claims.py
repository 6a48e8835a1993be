"""The orderings that the paper claims, tested on the record."""

from __future__ import annotations

import pandas as pd
from tabulate import tabulate

from bench.comparison import above
from bench.report.curves import MARGINS, read_sweep
from bench.report.record import COLUMNS, TITLES, Record

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
        "Paired by image, at 1 % noise; p of the one-sided permutation test about the margin "
        "(clustered by kernel) and of Wilcoxon's signed-rank test. *holds*: p < 0.05; *reversed*: "
        "the difference has the other sign; *open*: neither.",
        tabulate(
            lines,
            headers=["set", "claim", "difference (dB)", "p", "p Wilcoxon", "n", "verdict"],
            tablefmt="github",
            disable_numparse=True,
        ),
        *_sweep_claim(
            record,
            "noise",
            "Range images are deblurred best under noise",
            lambda dataset: f"{dataset}-range|dd",
            ("svhn", "celeba"),
        ),
        *_sweep_claim(
            record,
            "blur-length",
            "DDS is best at every blur length",
            lambda dataset: f"{dataset}|dds",
            ("shoes", "celeba"),
        ),
    ]
    return "\n\n".join(sections) + "\n"


def _line(record: Record, dataset: str, first: str, second: str, margin: float) -> list[str]:
    claim = f"{first} above {second}" + (f" by more than {margin:g} dB" if margin else "")
    pair = record.column(dataset, first).merge(
        record.column(dataset, second), on="image", suffixes=("", "_other")
    )
    if pair.empty:
        return [TITLES[dataset], claim, "–", "–", "–", "0", "not measured"]
    clusters = pair["kernel_id"].tolist()
    difference, wilcoxon = above(pair["psnr"], pair["psnr_other"], clusters, margin)
    verdict = "holds" if difference.p_value < LEVEL else "open"
    if difference.mean < margin and difference.p_value > 1 - LEVEL:
        verdict = "reversed"
    return [
        TITLES[dataset],
        claim,
        f"{difference.mean:+.2f} [{difference.low:+.2f}, {difference.high:+.2f}]",
        p_value(difference.p_value),
        p_value(wilcoxon),
        str(difference.n),
        verdict,
    ]


def p_value(value: float) -> str:
    """Print a p-value; small ones by their bound."""
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"


def _sweep_claim(record: Record, sweep: str, title: str, winner: object, sets: object) -> list[str]:
    """Say at which values of a sweep the winner has the best mean, over the images all share."""
    frame = read_sweep(record.folder, sweep)
    if frame is None:
        return [f"## {title}", "Not measured yet."]
    lines = []
    for dataset in sets:  # type: ignore[attr-defined]
        top = winner(dataset)  # type: ignore[operator]
        for value, rows in frame[frame["base"] == dataset].groupby("value"):
            means = _shared_means(rows)
            if top not in means:
                continue
            others = means.drop(top)
            rival = others.idxmax() if len(others) else None
            lead = means[top] - others.max() if rival else float("nan")
            lines.append(
                [
                    TITLES[dataset],
                    f"{value:g}",
                    f"{means[top]:.2f}",
                    f"{rival}",
                    "–" if rival is None else f"{others.max():.2f}",
                    f"{lead:+.2f}",
                    "holds" if lead > 0 else "does not hold",
                ]
            )
    if not lines:
        return [f"## {title}", "Not measured yet."]
    headers = ["set", sweep, "mean (dB)", "next best", "mean (dB)", "lead", "verdict"]
    note = f"Blind methods of the paper, oracles and ours left out; {MARGINS}"
    return [
        f"## {title}",
        note,
        tabulate(lines, headers=headers, tablefmt="github", disable_numparse=True),
    ]


def _shared_means(rows: pd.DataFrame) -> pd.Series:
    """Mean PSNR per dataset and method over the images that all of them have."""
    known = {*COLUMNS.values()}
    rows = rows[rows["method"].isin(known)].assign(row=rows["dataset"] + "|" + rows["method"])
    pivot = rows.pivot_table(index="image", columns="row", values="psnr")
    return pivot.dropna().mean()
