"""What a run says of itself."""

from types import SimpleNamespace

from bench.session import checksums


def test_provenance_has_the_weights_of_every_class():
    def chunk(assets):
        cell = SimpleNamespace(method="cnn", identity={"assets": assets})
        return SimpleNamespace(cells=[cell, cell])

    laid_out = [chunk({"cnn-svhn": "a1"}), chunk({}), chunk({"cnn-celeba": "b2"})]
    assert checksums(laid_out) == {"cnn": {"cnn-svhn": "a1", "cnn-celeba": "b2"}}
    assert checksums([chunk({})]) == {}
