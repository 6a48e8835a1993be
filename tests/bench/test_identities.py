"""Identities of the cells of all shipped methods, as they are pinned in ``identities.json``.

An identity may change only where a result does. Where that was meant, raise the method's version,
say so in the changelog, and write the file again: ``python -m tests.bench.test_identities``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.checksums import checksum
from bench.harness.plan import MethodSpec, Refusal, load_dataset, parse_methods, plan
from bench.physics.condition import Condition
from bench.registry import METHODS

PINNED = Path(__file__).with_name("identities.json")
DATASETS = ("photos", "svhn-samples", "celeba-samples")
CONDITIONS = (Condition(), Condition(0.04, 8, 1))
PUBLISHED = [MethodSpec(name, (("preset", "published"),)) for name in ("dd", "dds", "selfdeblur")]


def identities() -> dict[str, str | None]:
    """What determines a cell but its image, whose pixels differ in the last digit by processor.

    None where the method cannot be had here.
    """
    own = ",".join(name for name, entry in METHODS.entries.items() if entry.origin == "bench")
    specs = [*parse_methods(own), *PUBLISHED]
    found: dict[str, str | None] = {}
    for name in DATASETS:
        for item in plan(specs, [load_dataset(name)], CONDITIONS, 1):
            for cell in item.cells:
                lacking = isinstance(item, Refusal) and item.status == "unavailable"
                text = json.dumps(cell.series.identity, sort_keys=True)
                key = f"{name}, {cell.condition}: {cell.method}"
                found[key] = None if lacking else checksum(text)[:16]
    return found


def test_identities_are_those_that_were_pinned() -> None:
    pinned, found = json.loads(PINNED.read_text()), identities()
    here = {key: value for key, value in found.items() if value is not None}
    if not here:
        pytest.skip("no method can be had here: weights and Octave are missing")
    changed = {key: value for key, value in here.items() if pinned.get(key) not in (value, None)}
    assert changed == {}, f"see {Path(__file__).name}"
    assert found.keys() == pinned.keys()


if __name__ == "__main__":
    PINNED.write_text(json.dumps(identities(), indent=0, sort_keys=True) + "\n")
