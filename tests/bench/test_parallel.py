"""What a parallel configuration may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import InvalidInput
from bench.harness.parallel import Parallel, read


def written(folder: Path, text: str, suffix: str = "yml") -> Parallel:
    path = folder / f"parallel.{suffix}"
    path.write_text(text)
    return read(path)


def test_slurm_keys_go_to_submitit_with_what_single_methods_need(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    found = written(
        tmp_path,
        "backend: submitit\nslurm_time: 10:30\nslurm_partition: cpu\n"
        "methods:\n  unet*: {gpu: 1, slurm_partition: gpu}\n  marginal: {memory: 8}\n",
    )
    usual = {"slurm_array_parallelism": 256, "slurm_time": "10:30", "slurm_partition": "cpu"}
    assert found.parameters("dp") == usual
    assert found.parameters("unet-noise") == {
        **usual, "gpus_per_node": 1, "slurm_partition": "gpu",
    }  # fmt: skip
    assert found.parameters("marginal[seed=1]") == {**usual, "mem_gb": 8}


def test_toml_says_the_same(tmp_path: Path) -> None:
    text = 'backend = "submitit"\nslurm_time = 01:30:00\nslurm_array_parallelism = 7\n'
    found = written(tmp_path, text, "toml")
    assert found.parameters("dp") == {"slurm_time": "01:30:00", "slurm_array_parallelism": 7}


def test_resources_of_dask(tmp_path: Path) -> None:
    text = (
        'backend = "dask"\ndask_address = "tcp://here:8786"\n[methods]\ndd = {gpu = 1, memory = 2}'
    )
    found = written(tmp_path, text, "toml")
    assert found.address == "tcp://here:8786"
    assert found.resources("dd") == {"GPU": 1.0, "MEMORY": 2 * 2**30}
    assert found.resources("dds") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("backend: loky", "backend is 'loky'; it has to be local, dask or submitit"),
        ("backend: dask\ndask_adress: x", "unknown key 'dask_adress'; did you mean 'dask_address'"),
        ("workers: 3", "unknown key 'workers'; there are: backend"),
        ("backend: dask\nslurm_time: 3", "slurm_time is for the backend submitit, not dask"),
        ("dask_address: tcp://x:1", "dask_address is for the backend dask, not local"),
        ("methods: {dd: {gpu: 1}}", "the backend local reserves nothing"),
        ("backend: dask\nmethods: {dd: {gpu: many}}", "gpu of dd is 'many'; write a positive"),
        ("backend: dask\nmethods: {dd: {slurm_time: 3}}", "dd has the unknown key 'slurm_time'"),
        ("backend: dask\nmethods: dd", "methods is 'dd'; write a name"),
        ("backend: [", "cannot be read"),
        ("- backend", "holds no keys"),
    ],
)
def test_what_means_nothing_is_refused(tmp_path: Path, text: str, message: str) -> None:
    pytest.importorskip("yaml")
    with pytest.raises(InvalidInput, match=r"parallel\.yml") as refusal:
        written(tmp_path, text)
    assert message in str(refusal.value)
