from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench import seeds
from bench.errors import InvalidInput
from bench.forward import blur
from bench.observation import Condition, digest, effective, observe
from bench.protocol import Dataset


@pytest.fixture
def tiny(plugins: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.syspath_prepend(plugins)
    import tiny_plugin

    return tiny_plugin.Tiny()


def test_noise_depends_on_its_names_and_not_on_the_order_of_calls(tiny: Dataset) -> None:
    first = observe(tiny, 3, Condition(seed=5)).observation
    observe(tiny, 0, Condition(seed=5))
    torch.rand(7)
    assert torch.equal(observe(tiny, 3, Condition(seed=5)).observation, first)
    assert not torch.equal(observe(tiny, 3, Condition(seed=6)).observation, first)


def test_noise_has_the_asked_for_level(tiny: Dataset) -> None:
    observed = observe(tiny, 1, Condition(noise=0.04))
    clean = blur(observed.scene.image[None], observed.scene.kernel)[0]
    inside = (clean > 0.2) & (clean < 0.8)  # where clipping does not bite
    assert (observed.observation - clean)[inside].std() == pytest.approx(0.04, rel=0.05)


def test_a_blur_length_brings_fresh_kernels_by_seed(tiny: Dataset) -> None:
    short, long = (observe(tiny, 0, Condition(blur_length=n)).scene for n in (5, 28))
    assert short.kernel.shape == (28, 28)
    assert (short.kernel > 0).sum() < (long.kernel > 0).sum()
    assert torch.equal(observe(tiny, 0, Condition(blur_length=5)).scene.kernel, short.kernel)
    other = observe(tiny, 0, Condition(blur_length=5, seed=1)).scene.kernel
    assert not torch.equal(other, short.kernel)
    assert short.blur_length == 5


def test_given_observations_keep_their_own_noise(tiny: Dataset) -> None:
    tiny.noise = 0.005  # type: ignore[misc]
    assert effective(Condition(noise=0.1), tiny).noise == 0.005
    with pytest.raises(InvalidInput, match="no blur length to vary"):
        effective(Condition(blur_length=8), tiny)


def test_changed_data_change_the_digest(tiny: Dataset) -> None:
    assert digest(tiny[0]) == digest(tiny[0])
    assert digest(tiny[0]) != digest(tiny[1])


def test_seeds_tell_parts_apart_and_stay_the_same() -> None:
    assert seeds.derive_seed("a", "bc") != seeds.derive_seed("ab", "c")
    assert seeds.derive_seed("noise", 1, 0.01) == 7095489813055331258


def test_generators_follow_the_image_not_its_neighbours() -> None:
    batch = torch.rand(3, 3, 8, 8)
    drawn = [torch.rand(2, generator=g) for g in seeds.generators_per_image(batch, 0)]
    (alone,) = seeds.generators_per_image(batch[1:2], 0)
    assert torch.equal(torch.rand(2, generator=alone), drawn[1])
