"""Names of the project's own methods, in the order tables show them."""

CATALOG: dict[str, str] = {
    "blurry": "methods.blurry:Blurry",
    "dp": "methods.dark_channel:DarkChannel",
    "ep": "methods.extreme_channels:ExtremeChannels",
    "oh": "methods.outlier_handling:OutlierHandling",
    "df": "methods.data_fitting:DataFitting",
    "dd": "methods.deep_deblur.methods:DeepDeblur",
    "dds": "methods.deep_deblur.methods:DeepDeblurSlack",
    "dd-warm": "methods.deep_deblur.methods:DeepDeblurWarm",
    "dds-warm": "methods.deep_deblur.methods:DeepDeblurSlackWarm",
    "kernel-net": "methods.kernel_net.method:KernelNet",
    "published-dd": "methods.published:PublishedDD",
    "published-dds": "methods.published:PublishedDDS",
    "range-oracle": "methods.range_oracle:RangeOracle",
    "known-kernel": "methods.known_kernel:KnownKernel",
    "known-kernel-lmmse": "methods.known_kernel:KnownKernelLMMSE",
}
