from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def data() -> Path:
    """The data folder; tests that need it are skipped without it."""
    folder = Path(os.environ.get("BENCH_DATA", ""))
    if not os.environ.get("BENCH_DATA") or not folder.is_dir():
        pytest.skip("BENCH_DATA names no data folder")
    return folder
