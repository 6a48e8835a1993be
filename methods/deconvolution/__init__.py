"""Non-blind deconvolution: an image from an observation and a kernel, whoever estimated it."""
