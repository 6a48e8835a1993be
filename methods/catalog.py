"""Names of the project's own methods, in the order tables show them."""

CATALOG: dict[str, str] = {
    "blurry": "methods.blurry:Blurry",
    "dp": "methods.dark_channel:DarkChannel",
    "published-dd": "methods.published:PublishedDD",
    "published-dds": "methods.published:PublishedDDS",
    "known-kernel": "methods.known_kernel:KnownKernel",
    "known-kernel-lmmse": "methods.known_kernel:KnownKernelLMMSE",
}
