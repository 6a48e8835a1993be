"""Datasets, one file each; ``catalog.py`` names them. Imported as ``bench.datasets``."""

if __name__ != "bench.datasets":
    raise ImportError(
        f"This package is 'bench.datasets', not {__name__!r}: import it by that name. "
        "(In a checkout, bench/datasets is a symbolic link to datasets/.)"
    )
