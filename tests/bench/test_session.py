"""What a run says of itself."""

from types import SimpleNamespace

from bench.session import checksums


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
