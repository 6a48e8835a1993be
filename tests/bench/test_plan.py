from __future__ import annotations

import dataclasses
import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.datasets.photos import Photos
from bench.errors import InvalidInput, UnknownName
from bench.harness import plan as planning
from bench.harness.plan import Chunk, MethodSpec, Refusal, parse_methods, plan
from bench.physics.condition import Condition
from bench.protocol import Dataset, NoiseModel, Sample
from bench.registry import METHODS


@pytest.fixture
def tiny(plugins: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dataset]:
    monkeypatch.syspath_prepend(plugins)
    METHODS.__dict__.pop("entries", None)  # look the entry points up again, with the plugin there
    import tiny_plugin

    yield tiny_plugin.Tiny()
    METHODS.__dict__.pop("entries", None)


def chunks(
    dataset: Dataset, *specs: MethodSpec, images: int | None = None
) -> list[Chunk | Refusal]:
    return list(plan(specs, [dataset], [Condition()], images))


def test_chunks_are_fixed_by_the_position_of_an_image(tiny: Dataset) -> None:
    whole = chunks(tiny, MethodSpec("half"))
    assert [[cell.index for cell in chunk.cells] for chunk in whole] == [[0, 1], [2, 3], [4, 5]]
    part = chunks(tiny, MethodSpec("half"), images=3)
    assert [[cell.index for cell in chunk.cells] for chunk in part] == [[0, 1], [2]]
    assert part[0].cells == whole[0].cells


def test_an_identity_changes_with_what_determines_the_result(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first(dataset: Dataset = tiny, spec: str = "half", **condition: object) -> str:
        laid_out = plan([MethodSpec(spec)], [dataset], [Condition(**condition)])  # type: ignore[arg-type]
        return next(iter(laid_out)).cells[0].id

    same = first()
    assert first() == same
    shared = MethodSpec("half", (("share", 0.25),))
    others = [
        first(noise=0.02),
        first(seed=1),
        first(blur_length=9),
        first(outliers=0.01),
        first(gain=1.5),
        first(spec="slow"),
        chunks(tiny, shared)[0].cells[0].id,
    ]
    others.append(first(spec="blurry"))  # a third party's version lives in another process
    with monkeypatch.context() as patch:
        patch.setattr(METHODS.load("blurry"), "version", "another")
        others.append(first(spec="blurry"))
    changed = type("Changed", (type(tiny),), {"version": "2"})
    others.append(first(changed()))
    brighter = type(
        "Brighter",
        (type(tiny),),
        {
            "__getitem__": lambda self, index: dataclasses.replace(
                tiny[index], image=tiny[index].image * 0.9
            )
        },
    )
    others.append(first(brighter()))
    assert len({same, *others}) == len(others) + 1


def test_identities_are_those_of_the_record() -> None:
    """Whatever else a dataset can declare: cells of the paper's model keep their identity."""
    (chunk,) = plan([MethodSpec("blurry")], [planning.load_dataset("photos")], [Condition()], 1)
    assert chunk.cells[0].id == "9f0f0c191adcb1703bba089a74c82c4b"


@pytest.mark.parametrize(
    "attributes",
    [
        {"boundary": "replicate"},
        {"bits": 8},
        {"noise_model": NoiseModel("none"), "noise": 0.01},
        {"noise_model": NoiseModel("uniform", 0.01), "noise": 0.01},
    ],
)
def test_how_an_observation_is_made_belongs_to_the_identity(
    tiny: Dataset, attributes: dict[str, object]
) -> None:
    changed = type("Changed", (type(tiny),), attributes)()
    first, other = (chunks(each, MethodSpec("half"))[0].cells[0] for each in (tiny, changed))
    assert first.id != other.id


def test_a_plan_holds_no_pixels(tiny: Dataset) -> None:
    alive = [weakref.ref(tiny[0])]

    def remembered(self: Dataset, index: int) -> Sample:
        sample = type(tiny).__getitem__(tiny, index)
        alive.append(weakref.ref(sample))
        return sample

    watched = type("Watched", (type(tiny),), {"__getitem__": remembered})()
    laid_out = chunks(watched, MethodSpec("half"), MethodSpec("cheat"))
    gc.collect()
    assert len(alive) > 6
    assert not [sample for sample in alive if sample() is not None]
    (chunk, *_) = laid_out
    assert [item.sample.name for item in chunk.observed()] == ["00", "01"]  # type: ignore[union-attr]


def test_a_method_that_cannot_be_had_is_a_refusal_with_its_reason(tiny: Dataset) -> None:
    (refusal,) = chunks(tiny, MethodSpec("broken-import"))
    assert isinstance(refusal, Refusal)
    assert refusal.status == "unavailable"
    assert len(refusal.cells) == 6


def test_published_outputs_do_not_exist_for_just_any_dataset(tiny: Dataset) -> None:
    from bench.harness.dispatch import make_job
    from bench.harness.worker import build, compute

    (chunk,) = chunks(tiny, MethodSpec("published-dd"), images=1)
    if isinstance(chunk, Chunk):
        method = build(chunk.cells[0].method, chunk.task)
        assert compute(method, make_job(chunk))[0].status == "not applicable"
    else:
        assert chunk.status == "not applicable"


def test_only_oracles_are_given_the_truth(tiny: Dataset) -> None:
    from bench.harness.dispatch import make_job

    blind, oracle = (chunks(tiny, MethodSpec(name))[0] for name in ("half", "cheat"))
    assert make_job(blind).truth is None  # type: ignore[arg-type]
    assert make_job(blind).published == ()  # type: ignore[arg-type]
    assert make_job(oracle).truth is not None  # type: ignore[arg-type]


def test_parameters_are_checked_by_name(tiny: Dataset) -> None:
    (spec,) = parse_methods("half", ["half.share=0.25"])
    assert str(spec) == "half[share=0.25]"
    with pytest.raises(UnknownName, match="it has: share"):
        parse_methods("half", ["half.sharpe=0.25"])


def test_a_missing_dataset_says_how_to_get_it(
    plugins: Path, monkeypatch: pytest.MonkeyPatch, tiny: Dataset
) -> None:
    from bench.errors import Unavailable
    from bench.registry import DATASETS

    DATASETS.__dict__.pop("entries", None)
    with pytest.raises(Unavailable, match=r"/nowhere/absent.npz. Ask its authors"):
        planning.load_dataset("absent")
    DATASETS.__dict__.pop("entries", None)


def test_two_images_of_one_name_are_refused() -> None:
    class Twice(Photos):
        def __getitem__(self, index: int) -> Sample:
            return dataclasses.replace(super().__getitem__(index), name="IMG_1")

    with pytest.raises(InvalidInput, match=r"images 0 and 1 of the dataset 'photos' .*'IMG_1'"):
        list(plan(parse_methods("blurry"), [Twice()], [Condition()], 3))
