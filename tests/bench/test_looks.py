"""A method looks the same wherever it is drawn."""

from __future__ import annotations

from bench.registry import METHODS
from bench.report.looks import looks, palette


def test_a_look_does_not_depend_on_who_is_shown_beside_it() -> None:
    kinds = {name: METHODS.load(name).kind for name in METHODS.names()}
    everyone = looks(kinds)
    for name in ("dp", "dds-warm", "unet-noise", "blurry"):
        assert looks({name: kinds[name]})[name] == everyone[name]


def test_methods_are_told_apart_and_families_belong_together() -> None:
    kinds = {name: METHODS.load(name).kind for name in METHODS.names()}
    blind = [look for name, look in looks(kinds).items() if kinds[name] == "method"]
    assert len(set(blind)) == len(blind)
    found = looks(kinds)
    assert found["dds"].paint == found["dds-warm"].paint != found["dd"].paint
    assert found["dds"].dash != found["dds-warm"].dash
    assert found["known-kernel"].colour == "oracle"


def test_labels_that_nobody_registered_have_looks_too() -> None:
    found = looks({"theirs": "method", "dd[preset=published]": "method", "dd": "method"})
    assert found["dd[preset=published]"].paint == found["dd"].paint
    assert found["dd[preset=published]"] != found["dd"]
    assert all(look.colour in palette() for look in found.values())
