from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench import seeds
from bench.datasets.motion_blur import MotionBlur
from bench.errors import InvalidInput
from bench.harness.plan import load_dataset
from bench.physics.condition import Condition, effective
from bench.physics.forward import blur
from bench.physics.observation import digest, observe, truth
from bench.protocol import Dataset, NoiseModel


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
    clean = blur(observed.sample.image[None], observed.sample.kernel)[0]
    inside = (clean > 0.2) & (clean < 0.8)  # where clipping does not bite
    assert (observed.observation - clean)[inside].std() == pytest.approx(0.04, rel=0.05)


def test_a_blur_length_brings_fresh_kernels_by_seed(tiny: Dataset) -> None:
    short, long = (observe(tiny, 0, Condition(blur_length=n)).sample for n in (5, 28))
    assert short.kernel.shape == (28, 28)
    assert (short.kernel > 0).sum() < (long.kernel > 0).sum()
    assert torch.equal(observe(tiny, 0, Condition(blur_length=5)).sample.kernel, short.kernel)
    other = observe(tiny, 0, Condition(blur_length=5, seed=1)).sample.kernel
    assert not torch.equal(other, short.kernel)
    assert short.blur_length == 5


def test_given_observations_keep_their_own_noise(tiny: Dataset) -> None:
    tiny.noise = 0.005  # type: ignore[misc]
    assert effective(Condition(noise=0.1), tiny).noise == 0.005
    with pytest.raises(InvalidInput, match="no blur length to vary"):
        effective(Condition(blur_length=8), tiny)


def declaring(dataset: Dataset, **attributes: object) -> Dataset:
    return type("Declaring", (type(dataset),), attributes)()


def test_a_free_boundary_without_observations_is_refused(tiny: Dataset) -> None:
    with pytest.raises(InvalidInput, match="free boundary and its image '02' no observation"):
        observe(declaring(tiny, boundary="free"), 2, Condition())


def test_a_valid_boundary_crops_observation_and_truth(tiny: Dataset) -> None:
    cropped = observe(declaring(tiny, boundary="valid"), 0, Condition(noise=0))
    whole = observe(tiny, 0, Condition(noise=0))
    assert cropped.sample.image.shape == cropped.observation.shape == (3, 24, 24)
    assert torch.equal(cropped.sample.image, whole.sample.image[:, 4:28, 4:28])
    assert torch.allclose(cropped.observation, whole.observation[:, 4:28, 4:28], atol=1e-6)
    task = cropped.task(declaring(tiny, boundary="valid"), Condition(), "cpu")
    assert (task.boundary, task.image_size) == ("free", (24, 24))


def test_a_padded_boundary_tells_both_sizes(tiny: Dataset) -> None:
    padded = declaring(tiny, boundary="padded")
    seen, valid = (
        observe(declaring(tiny, boundary=name), 0, Condition(noise=0))
        for name in ("padded", "valid")
    )
    assert seen.sample.image.shape == seen.observation.shape == (3, 26, 26)
    assert torch.equal(seen.sample.image[:, 1:-1, 1:-1], valid.sample.image)
    assert torch.allclose(seen.observation[:, 1:-1, 1:-1], valid.observation, atol=1e-6)
    task = seen.task(padded, Condition(), "cpu")
    assert (task.boundary, task.image_size) == ("free", (26, 26))
    assert task.scene_size == tuple(padded.image_size)


def test_a_published_model_has_its_own_noise_and_levels(tiny: Dataset) -> None:
    model = {"boundary": "replicate", "bits": 8, "noise": 0.0029}
    quiet = declaring(tiny, **model, noise_model=NoiseModel("none"))
    loud = declaring(tiny, **model, noise_model=NoiseModel("uniform", 0.1))
    condition = effective(Condition(noise=0.1), loud)
    assert condition.noise == 0.0029
    sample = tiny[4]
    clean = blur(sample.image[None].double(), sample.kernel.double(), "replicate")[0]
    found = observe(quiet, 4, condition).observation
    assert torch.equal((found * 255).round(), (clean.clamp(0, 1) * 255).round().float())
    noise = observe(loud, 4, condition).observation - clean
    assert noise.min() >= -0.5 / 255
    assert noise.max() <= 0.1 + 0.5 / 255
    assert noise.mean() == pytest.approx(0.05, abs=0.005)
    assert noise.std() == pytest.approx(0.1 / 12**0.5, rel=0.05)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"boundary": "reflect"}, "boundary = 'reflect'"),
        ({"noise_model": NoiseModel("poisson"), "noise": 0.01}, "'poisson'"),  # type: ignore[arg-type]
        ({"noise_model": NoiseModel("uniform"), "noise": 0.01}, "width 0"),
        ({"noise_model": NoiseModel("none")}, "no noise level"),
        ({"bits": 32}, "bits = 32"),
    ],
)
def test_what_cannot_be_simulated_is_refused(
    tiny: Dataset, attributes: dict[str, object], words: str
) -> None:
    with pytest.raises(InvalidInput, match=f"'tiny' declares .*{words}"):
        effective(Condition(), declaring(tiny, **attributes))


def test_long_walks_have_odd_grids_and_have_to_fit() -> None:
    photos = load_dataset("photos")
    sample = observe(photos, 0, Condition(blur_length=40)).sample
    assert sample.kernel.shape == (41, 41)
    wider = MotionBlur(61).kernel(0, seed=0, length=40)
    assert torch.allclose(wider[10:51, 10:51], sample.kernel, atol=1e-6)  # nothing is cut off
    with pytest.raises(InvalidInput, match="blur length is 64"):
        observe(photos, 0, Condition(blur_length=64))


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


def test_outliers_are_black_or_white_in_all_channels_and_leave_the_rest_alone(
    tiny: Dataset,
) -> None:
    clean = observe(tiny, 1, Condition()).observation
    hit = observe(tiny, 1, Condition(outliers=0.2)).observation
    changed = (clean != hit).any(0)
    assert 0.12 < changed.float().mean() < 0.28
    assert set(hit[:, changed].unique().tolist()) == {0.0, 1.0}
    assert (hit[:, changed].std(0) == 0).all()
    again = observe(tiny, 1, Condition(outliers=0.2)).observation
    assert torch.equal(hit, again)
    assert not torch.equal(hit, observe(tiny, 1, Condition(outliers=0.2, seed=1)).observation)


def test_a_gain_saturates_the_observation_and_what_it_is_scored_against(tiny: Dataset) -> None:
    plain = observe(tiny, 0, Condition(noise=0)).sample
    saturated = observe(tiny, 0, Condition(noise=0, gain=1.5))
    expected = (1.5 * blur(plain.image[None], plain.kernel)[0]).clamp(0, 1)
    assert torch.allclose(saturated.observation, expected)
    assert torch.equal(saturated.sample.image, (1.5 * plain.image).clamp(max=1))
    same = truth(tiny, 0, Condition(noise=0, gain=1.5))
    assert torch.equal(same.image, saturated.sample.image)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"outliers": 1.0}, "share of outliers is 1"), ({"gain": 0.5}, "gain is 0.5")],
)
def test_impossible_disturbances_are_refused(wrong: dict[str, float], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        Condition(**wrong)  # type: ignore[arg-type]


def test_given_observations_have_no_outliers_to_vary(tiny: Dataset) -> None:
    tiny.noise = 0.005  # type: ignore[misc]
    with pytest.raises(InvalidInput, match="no outliers or gain to vary"):
        effective(Condition(outliers=0.05), tiny)
