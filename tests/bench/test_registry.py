from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.errors import BenchError, Unavailable, UnknownName
from bench.harness.interview import knowledge
from bench.protocol import MethodBase
from bench.registry import METHODS, Registry, parse_label


def fresh() -> Registry[MethodBase]:
    return Registry("method", MethodBase, "bench.methods.catalog", "bench.methods")


def test_nothing_is_imported_before_it_is_used() -> None:
    known = set(sys.modules)
    names = fresh().names()
    assert "known-kernel" in names
    imported = {name for name in set(sys.modules) - known if name.startswith("bench.methods.")}
    assert imported <= {"bench.methods.catalog"}


def test_patterns_expand_in_the_order_of_registration() -> None:
    assert METHODS.select("known-*,blurry,known-kernel") == [
        "known-kernel",
        "known-kernel-lmmse",
        "known-kernel-learned",
        "blurry",
    ]


def test_an_unknown_name_answers_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'known-kernel'"):
        METHODS.load("known-kernal")
    with pytest.raises(UnknownName, match="nothing is near it"):
        METHODS.load("qqqqqqqq")


def test_entry_points_of_a_third_party(plugins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(plugins)
    registry = fresh()
    assert registry.entries["half"].origin == "tiny"
    assert registry.load("half").__name__ == "Half"
    with pytest.raises(Unavailable, match="tiny_plugin_that_is_not_there"):
        registry.load("broken-import")


def test_an_entry_of_the_wrong_kind_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "odd-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[bench.methods]\nodd = pathlib:Path\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BenchError, match=r"pathlib:Path, which is no subclass of .*MethodBase"):
        fresh().load("odd")


def test_what_a_method_knows_depends_on_its_parameters() -> None:
    assert "second-order statistics" in knowledge("dd")
    published = knowledge("dds[preset=published]")
    assert "generators of class and kernels" in published
    assert "statistics" not in published
    assert parse_label("dd[preset=published,steps=3]") == (
        "dd",
        {"preset": "published", "steps": "3"},
    )
