"""Non-blind final steps: an image from an observation and a kernel, whoever estimated it."""
