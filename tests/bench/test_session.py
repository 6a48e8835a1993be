"""What a run says of itself."""

import json
import shutil
import subprocess
from types import SimpleNamespace

import pytest

from bench import checkout
from bench.harness import provenance
from bench.harness.session import checksums


def chunk(method, dataset, assets):
    cell = SimpleNamespace(method=method, dataset=dataset, identity={"assets": assets})
    return SimpleNamespace(cells=[cell, cell])


def test_provenance_has_the_weights_of_every_class():
    assert checksums(
        [
            chunk("cnn", "svhn", {"cnn-svhn": "a1"}),
            chunk("cnn", "celeba", {"cnn-celeba": "b2"}),
            chunk("dp", "svhn", {"tuned.toml": "c3"}),
            chunk("dp", "celeba", {"tuned.toml": "d4"}),
            chunk("dp", "svhn", {"tuned.toml": "c3"}),
            chunk("blurry", "svhn", {}),
        ]
    ) == {
        "cnn": {"cnn-svhn": "a1", "cnn-celeba": "b2"},
        "dp": {"tuned.toml": "c3", "tuned.toml (celeba)": "d4"},
    }


@pytest.mark.skipif(not shutil.which("git"), reason="git is not on PATH")
def test_only_the_project_s_own_repository_is_named(tmp_path, monkeypatch):
    project = tmp_path / "project"
    packages = project / ".venv" / "site-packages"
    packages.mkdir(parents=True)
    (project / "file").touch()
    git = ["git", "-C", str(project), "-c", "user.name=A", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "file"], ["commit", "-q", "-m", "Begin"]):
        subprocess.run([*git, *command], check=True)
    for root in (packages, project):  # below a repository; and at its top, but not of it
        monkeypatch.setattr(checkout, "ROOT", root)
        assert provenance.collect({})["commit"] is None
    (project / "bench").mkdir()
    (project / "bench" / "checkout.py").touch()
    subprocess.run([*git, "add", "bench"], check=True)
    found = provenance.collect({})
    assert len(found["commit"]) == 40
    assert found["uncommitted_changes"]


def test_a_run_is_entered_when_it_begins_and_completed_when_it_ends(tmp_path):
    first, second = (provenance.collect({"methods": [name]}) for name in ("dp", "caf\udce9"))
    provenance.begin(tmp_path, first, {})
    provenance.begin(tmp_path, second, {})
    provenance.finish(tmp_path, second)
    killed, ended = json.loads((tmp_path / "provenance.json").read_text())
    assert killed == first
    assert killed["finished"] is None
    assert ended["finished"] is not None
    assert ended["methods"] == ["caf\udce9"]


@pytest.mark.parametrize("damage", ["[", "{}", "[3]"])
def test_a_damaged_provenance_is_set_aside_before_the_work(tmp_path, damage, capsys):
    (tmp_path / "provenance.json").write_text(damage)
    provenance.begin(tmp_path, provenance.collect({}), {})
    assert (tmp_path / "provenance.json.damaged").read_text() == damage
    assert "is damaged" in capsys.readouterr().err
    (begun,) = json.loads((tmp_path / "provenance.json").read_text())
    assert begun["finished"] is None
