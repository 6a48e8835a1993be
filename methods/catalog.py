"""Names of the project's own methods, in the order tables show them."""

CATALOG: dict[str, str] = {
    "blurry": "methods.blurry:Blurry",
    "dp": "methods.dark_channel:DarkChannel",
    "dd": "methods.deep_deblur.methods:DeepDeblur",
    "dds": "methods.deep_deblur.methods:DeepDeblurSlack",
    "dd-warm": "methods.deep_deblur.methods:DeepDeblurWarm",
    "dds-warm": "methods.deep_deblur.methods:DeepDeblurSlackWarm",
    "kernel-net": "methods.kernel_net.method:KernelNet",
    "cnn": "methods.restorers.methods:CNN",
    "deblurgan": "methods.restorers.methods:DeblurGAN",
    "deblurgan-content": "methods.restorers.methods:DeblurGANContent",
    "unet": "methods.restorers.methods:UNet",
    "cnn-noise": "methods.restorers.methods:CNNNoise",
    "deblurgan-noise": "methods.restorers.methods:DeblurGANNoise",
    "unet-noise": "methods.restorers.methods:UNetNoise",
    "published-dd": "methods.published:PublishedDD",
    "published-dds": "methods.published:PublishedDDS",
    "range-oracle": "methods.range_oracle:RangeOracle",
    "known-kernel": "methods.known_kernel:KnownKernel",
    "known-kernel-lmmse": "methods.known_kernel:KnownKernelLMMSE",
}
