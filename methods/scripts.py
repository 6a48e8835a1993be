"""What ``python -m bench tune`` and ``python -m bench benchmark`` can do, by name.

Each names a module with ``EXAMPLES``, ``add_arguments(parser)`` and ``run(options)``, imported when
it is asked for.
"""

from __future__ import annotations

TUNE = {
    "tv": (
        "the weight of total variation by class and noise level",
        "bench.methods.deconvolution.tune",
    ),
    "deep-deblur": (
        "compare settings of Deep Deblur on development images",
        "bench.methods.deep_deblur.tune",
    ),
    "engineered": (
        "parameters of an engineered prior for a class",
        "bench.methods.engineered.tune_octave",
    ),
    "data-fitting": (
        "the weights that learned data fitting learns",
        "bench.methods.engineered.train_data_fitting",
    ),
}
"""Parameters, always on splits of the training data."""
BENCHMARK = {
    "deep-deblur": (
        "what Deep Deblur costs against the published procedures; writes reports/speed.md",
        "bench.methods.deep_deblur.speed",
    ),
    "generators": (
        "folded generators against plain ones; writes reports/generators/speed.md",
        "bench.methods.generators.benchmark",
    ),
    "priors": (
        "generators of a class on validation images; writes reports/generators/choice.md",
        "bench.methods.generators.choose",
    ),
    "range": (
        "the range of generators on the published test images, counted in their cards",
        "bench.methods.generators.testset",
    ),
    "dark-channel": (
        "the vectorised dark channel against a loop",
        "bench.methods.engineered.benchmark_dark_channel",
    ),
    "executors": (
        "what an executor costs for each cell, and one worker against two",
        "bench.harness.executor_benchmark",
    ),
    "scale": (
        "what the harness costs for 100,000 cells of a method that does nothing",
        "bench.gate.scale",
    ),
    "start-up": (
        "what a command costs before it does anything, in imports of PyTorch",
        "bench.harness.startup_benchmark",
    ),
    "device": (
        "what a GPU gains over the CPU, and whether kernels agree",
        "bench.methods.device_benchmark",
    ),
}
"""Times and numbers of parts, each as a page or a line."""
