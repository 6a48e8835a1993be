"""The paper's experiment at 128×128: samples of a PGGAN and photographs, under large blurs."""

from __future__ import annotations

from collections.abc import Iterator

from bench.report import layout
from bench.report.paper.record import LARGE_SETS, Record
from bench.report.writers import markdown as writer

INTRODUCTION = f"""\
# Faces of 128×128 under blurs of up to 30 pixels

The paper deblurs samples of a pretrained PGGAN, whose weights cannot be had; the generator here is
our own, trained on CelebA in the paper's frame (`bench train faces128`). *pggan-samples* are drawn
from it and solved by it, which is the paper's setting and favours methods that search its range.
*pggan* are the authors' 13 samples, *faces128* photographs of people whom no method has seen.
Convolution is circular; `pggan-padded` has the authors' own forward model. Feed-forward networks
are those of faces of 64×64, passed over these images; their blurs were shorter.
{layout.INTERVALS} {layout.LEADING}"""

PROCEDURE = "dd[preset=published-pggan]"


def markdown(record: Record) -> str | None:
    """Write the table of the sets that the record has; None if it has none of them."""
    views = [record.view(name) for name in LARGE_SETS if record.images(name)]
    if not views:
        return None
    table = layout.overview(record.summary, views)
    parts = [
        INTRODUCTION,
        *writer.write_wide(table),
        *_procedure(record),
        *layout.notices(views),
    ]
    return "\n\n".join(parts) + "\n"


def _procedure(record: Record) -> Iterator[str]:
    """What the authors' own descent makes of some of the images, where it was run."""
    found = [(name, record.published(name, PROCEDURE)) for name in LARGE_SETS]
    rows = [(name, row) for name, row in found if row and row.means["psnr"].known]
    if rows:
        each = "; ".join(
            f"{name}: {row.means['psnr'].value:.2f} dB (n = {row.n})" for name, row in rows
        )
        yield (
            "The authors' procedure for their PGGAN, all ten restarts and 2,000 steps, with our "
            f"generators (`--set dd.preset=published-pggan`, minutes an image): {each}."
        )
