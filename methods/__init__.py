"""Methods, one file each; ``catalog.py`` names them. Imported as ``bench.methods``."""

if __name__ != "bench.methods":
    raise ImportError(
        f"This package is 'bench.methods', not {__name__!r}: import it by that name. "
        "(In a checkout, bench/methods is a symbolic link to methods/.)"
    )
