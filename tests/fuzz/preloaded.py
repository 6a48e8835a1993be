"""What the readers import and look up when they are called: once for all, before any fork."""

from __future__ import annotations

import gc
import importlib

from bench.cli import COMMANDS
from bench.harness.columns import METRICS
from bench.registry import DATASETS, KERNELS, METHODS

PRELOADED = (
    *(f"bench.cli.{name.replace('-', '_')}" for name in COMMANDS),
    *("bench.api", "bench.harness.exchange", "bench.report.explain", "bench.report.comparison"),
    *("bench.harness.merging", "bench.harness.scoring", "bench.metrics.scoring", "bench.photo"),
    *("bench.photo.files", "bench.photo.progress", "bench.photo.results", "bench.report.printed"),
    *("bench.datasets.folder", "bench.datasets.kernel_catalog", "bench.datasets.pairs"),
    *("bench.methods.blurry", "bench.methods.catalog", "bench.methods.feedforward.train"),
    *("matplotlib.backends.backend_agg", "scipy.stats", "skimage.metrics", "tifffile.tifffile"),
    *("encodings.utf_8_sig", "encodings.cp437", "importlib.readers", "pyarrow.pandas_compat"),
    *("pandas.core.methods.to_dict", "pandas.core.reshape.reshape", "pandas.io.formats.csvs"),
)


def load() -> None:
    """Import it all, and have what is there taken for as old as the interpreter."""
    for module in PRELOADED:
        importlib.import_module(module)
    for looked_up in (METHODS, DATASETS, KERNELS):
        assert looked_up.entries  # a look at what is installed takes longer than most readers do
    assert METRICS
    gc.freeze()  # or each child would copy what its collector looks at
