"""Names of the project's own methods, in the order tables show them, and what each needs."""

CATALOG: dict[str, str] = {
    "blurry": "bench.methods.blurry:Blurry",
    "l0": "bench.methods.engineered.l0:SparseGradients",
    "dp": "bench.methods.engineered.dark_channel:DarkChannel",
    "ep": "bench.methods.engineered.extreme_channels:ExtremeChannels",
    "oh": "bench.methods.engineered.outlier_handling:OutlierHandling",
    "df": "bench.methods.engineered.data_fitting:DataFitting",
    "sparse-edges": "bench.methods.photographs.method:SparseEdges",
    "sparse-edges-chosen": "bench.methods.photographs.method:ChosenEdges",
    "pmp": "bench.methods.photographs.method:PatchMinimalPixels",
    "text-l0": "bench.methods.photographs.text_method:TextL0",
    "marginal-natural": "bench.methods.photographs.marginal:MarginalNatural",
    "selfdeblur": "bench.methods.selfdeblur.method:SelfDeblur",
    "selfdeblur-refined": "bench.methods.selfdeblur.refined:SelfDeblurRefined",
    "kernel-mean": "bench.methods.photographs.kernel_mean:KernelMean",
    "kernel-choice": "bench.methods.photographs.kernel_choice:KernelChoice",
    "dd": "bench.methods.deep_deblur.methods:DeepDeblur",
    "dds": "bench.methods.deep_deblur.methods:DeepDeblurSlack",
    "dd-warm": "bench.methods.deep_deblur.methods:DeepDeblurWarm",
    "dds-warm": "bench.methods.deep_deblur.methods:DeepDeblurSlackWarm",
    "marginal": "bench.methods.marginal.method:Marginal",
    "marginal-tv": "bench.methods.marginal.tv:MarginalTV",
    "marginal-warm": "bench.methods.marginal.warm:MarginalWarm",
    "marginal-learned": "bench.methods.marginal.learned:MarginalLearned",
    "marginal-both": "bench.methods.marginal.both:MarginalBoth",
    "marginal-refit": "bench.methods.marginal.refit:MarginalRefit",
    "kernel-net": "bench.methods.kernel_net.method:KernelNet",
    "kernel-net-natural": "bench.methods.kernel_net.photographs.method:KernelNetNatural",
    "learned": "bench.methods.learned.method:Learned",
    "cnn": "bench.methods.feedforward.methods:CNN",
    "deblurgan": "bench.methods.feedforward.methods:DeblurGAN",
    "deblurgan-content": "bench.methods.feedforward.methods:DeblurGANContent",
    "unet": "bench.methods.feedforward.methods:UNet",
    "cnn-noise": "bench.methods.feedforward.methods:CNNNoise",
    "deblurgan-noise": "bench.methods.feedforward.methods:DeblurGANNoise",
    "unet-noise": "bench.methods.feedforward.methods:UNetNoise",
    "unet-natural": "bench.methods.feedforward.photographs.method:UNetNatural",
    "published-dd": "bench.methods.replays.published:PublishedDD",
    "published-dds": "bench.methods.replays.published:PublishedDDS",
    "published-pmp": "bench.methods.replays.levin:PublishedPMP",
    "published-phase-only": "bench.methods.replays.levin:PublishedPhaseOnly",
    "published-selfdeblur": "bench.methods.replays.levin:PublishedSelfDeblur",
    "range-oracle": "bench.methods.oracles.range_oracle:RangeOracle",
    "known-kernel": "bench.methods.oracles.known_kernel:KnownKernel",
    "known-kernel-lmmse": "bench.methods.oracles.known_kernel:KnownKernelLMMSE",
    "known-kernel-learned": "bench.methods.learned.method:KnownKernelLearned",
}

OCTAVE = "octave"
KERNELS = "weights generators/motion-blur"
CLASS_MODEL = "weights marginal/CLASS"
GENERATOR = "weights generators/CLASS"
KERNEL_NETWORK = "weights kernel_net/kernel-net-CLASS"
STEP = "weights learned/nonblind"
LEVIN = "data levin_published"

NEEDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("l0", "dp", "ep", "oh", "df"), (OCTAVE,)),
    **dict.fromkeys(("dd", "dds"), (KERNELS, GENERATOR, CLASS_MODEL)),
    **dict.fromkeys(("dd-warm", "dds-warm"), (KERNELS, GENERATOR, CLASS_MODEL, KERNEL_NETWORK)),
    **dict.fromkeys(("marginal", "marginal-tv"), (KERNELS, CLASS_MODEL)),
    "marginal-warm": (KERNELS, CLASS_MODEL, KERNEL_NETWORK),
    "marginal-learned": (KERNELS, CLASS_MODEL, STEP),
    "marginal-both": (KERNELS, CLASS_MODEL, KERNEL_NETWORK, STEP),
    "marginal-refit": (KERNELS, CLASS_MODEL, KERNEL_NETWORK, STEP),
    "kernel-net": (KERNEL_NETWORK,),
    "kernel-net-natural": ("weights kernel_net/kernel-net-photographs",),
    "learned": (KERNEL_NETWORK, CLASS_MODEL, STEP),
    "cnn": ("weights feedforward/cnn-CLASS",),
    "deblurgan": ("weights feedforward/deblurgan-CLASS",),
    "deblurgan-content": ("weights feedforward/deblurgan-content-CLASS",),
    "unet": ("weights feedforward/unet-CLASS",),
    "cnn-noise": ("weights feedforward/cnn-noise-CLASS",),
    "deblurgan-noise": ("weights feedforward/deblurgan-noise-CLASS",),
    "unet-noise": ("weights feedforward/unet-noise-CLASS",),
    "unet-natural": ("weights feedforward/unet-photographs",),
    "published-dd": ("data paper/CLASS.npz",),
    "published-dds": ("data paper/CLASS.npz",),
    "published-pmp": (f"{LEVIN}/pmp",),
    "published-phase-only": (f"{LEVIN}/phase_only",),
    "published-selfdeblur": (f"{LEVIN}/selfdeblur",),
    "range-oracle": (GENERATOR,),
    "known-kernel-lmmse": ("data train/CLASS.zip",),
    "known-kernel-learned": (CLASS_MODEL, STEP),
}
"""What a method needs that may not be here: Octave, weights (FAMILY/FILE) or a place in the data
folder. It is ready if all of it is here for one class of images, put in for ``CLASS``."""
