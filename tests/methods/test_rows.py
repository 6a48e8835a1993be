"""Rows of several observations in one batch."""

from __future__ import annotations

import torch

from bench.methods.rows import groups, of_rows, per_row, smallest


def test_batches_on_a_device_are_bounded_and_on_a_cpu_there_are_none() -> None:
    small, large = torch.zeros(7, 3, 64, 64), torch.zeros(7, 3, 128, 128)
    assert groups(small, 10) == [slice(place, place + 1) for place in range(7)]
    there = small.to("meta"), large.to("meta")
    assert groups(there[0], 10) == [slice(0, 25)]
    assert groups(there[0], 100) == [slice(0, 2), slice(2, 4), slice(4, 6), slice(6, 8)]
    assert groups(there[1], 10) == [slice(0, 6), slice(6, 12)]
    assert groups(there[1][:2], 10_000) == [slice(0, 1), slice(1, 2)]


def test_each_observation_keeps_its_smallest_rows_in_order() -> None:
    values = torch.tensor([3.0, 1.0, 2.0, 9.0, 7.0, 8.0, 8.0])
    assert smallest(values, [3, 1, 3], 2).tolist() == [1, 2, 3, 4, 5]
    assert smallest(values, [7], 3).tolist() == [1, 2, 0]


def test_rows_have_the_value_of_their_observation_and_of_one_alone_nothing_is_repeated() -> None:
    values = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert of_rows(values, [1, 2]).tolist() == [[1, 2], [3, 4], [3, 4]]
    assert of_rows(values[:1], [5]).tolist() == [1, 2]
    noise = per_row([0.25, 0.5], [1, 2], values)
    assert isinstance(noise, torch.Tensor)
    assert noise.tolist() == [0.25, 0.5, 0.5]
    assert per_row([0.1], [5], values) == 0.1
