"""The importer against Keras's own numerics; skipped where Keras is not installed."""

import os

import numpy as np
import pytest
import torch

from bench.errors import InvalidInput, Unavailable
from bench.methods.generators import architectures, keras_import
from bench.methods.generators.loading import load_generator


@pytest.fixture(scope="module")
def keras():
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras")


def dcgan(keras, *, activation="tanh"):
    layers = keras.layers
    stack = [
        layers.Input((100,)),
        layers.Dense(4 * 4 * 512),
        layers.Reshape((4, 4, 512)),
        layers.BatchNormalization(epsilon=1e-5),
        layers.ReLU(),
    ]
    for width in (256, 128, 64):
        stack += [
            layers.Conv2DTranspose(width, 5, 2, padding="same"),
            layers.BatchNormalization(epsilon=1e-5),
            layers.ReLU(),
        ]
    return keras.Sequential(
        [*stack, layers.Conv2DTranspose(3, 5, 2, padding="same", activation=activation)]
    )


def svhn(keras):
    layers = keras.layers
    stack = [
        layers.Input((100,)),
        layers.Dense(4 * 4 * 512, activation="relu"),
        layers.Reshape((4, 4, 512)),
    ]
    for width in (512, 256, 128):
        stack += [
            layers.Conv2DTranspose(width, 2, 2, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
        ]
    return keras.Sequential([*stack, layers.Conv2D(3, 1, activation="sigmoid")])


def motion_blur(keras):
    layers = keras.layers
    stack = [
        layers.Input((50,)),
        layers.Dense(720, activation="relu"),
        layers.Reshape((6, 6, 20)),
    ]
    for _ in range(2):
        stack += [layers.UpSampling2D(2), layers.Conv2DTranspose(20, 2, activation="relu")]
    return keras.Sequential([*stack, layers.Conv2DTranspose(1, 2, activation="relu")])


MODELS = {"celeba": dcgan, "shoes": dcgan, "svhn": svhn, "motion-blur": motion_blur}


@pytest.mark.parametrize("image_class", ["celeba", "svhn", "motion-blur"])
@pytest.mark.parametrize("whole", [True, False], ids=["model", "weights"])
def test_imported_generator_equals_keras(keras, image_class, whole, tmp_path):
    keras.utils.set_random_seed(0)
    model = MODELS[image_class](keras)
    random = np.random.default_rng(0)
    for layer in model.layers:  # fresh batch norms are the identity and would hide mistakes
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.gamma.shape
            layer.set_weights([random.uniform(0.5, 1.5, shape).astype("f4") for _ in range(4)])
    path = tmp_path / ("m.h5" if whole else "m.weights.h5")
    if whole:
        model.save(path)
    else:
        import h5py
        from keras.src.legacy.saving import legacy_h5_format

        with h5py.File(path, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, model)
    keras_import.convert(path, image_class, "imported", tmp_path)
    prior = load_generator("imported", folder=tmp_path)
    z = random.standard_normal((3, prior.latent_size)).astype("f4")
    expected = keras.ops.convert_to_numpy(model(z, training=False))
    expected = torch.from_numpy(expected).permute(0, 3, 1, 2)
    if prior.signed:
        expected = (expected + 1) / 2
    torch.testing.assert_close(prior(torch.from_numpy(z)), expected, atol=1e-4, rtol=1e-4)


def test_layers_are_translated_without_keras():
    """The shapes alone: what the numerics test checks where Keras is installed."""
    decoder = architectures.MotionBlurDecoder()
    units = [{"kernel": np.ones((3, 3), "f4"), "bias": np.ones(3, "f4")}]
    for layer in keras_import.weighted_layers(decoder):
        weight = layer.weight.detach().numpy()
        axes = (1, 0) if weight.ndim == 2 else (2, 3, 1, 0)
        units.append({"kernel": weight.transpose(axes), "bias": layer.bias.detach().numpy()})
    other = architectures.MotionBlurDecoder()
    keras_import.load_keras(other, units)
    z = torch.randn(2, 50)
    assert torch.equal(decoder(z), other(z))


def test_file_of_another_model_is_refused():
    units = [{"kernel": np.ones((50, 10), "f4"), "bias": np.ones(10, "f4")}]
    with pytest.raises(InvalidInput, match="No run of layers"):
        keras_import.load_keras(architectures.MotionBlurDecoder(), units)


def test_file_that_is_no_hdf5_is_refused(tmp_path):
    path = tmp_path / "x.h5"
    path.write_bytes(b"not this")
    with pytest.raises(Unavailable, match="no Keras weights"):
        keras_import.read_units(path)
