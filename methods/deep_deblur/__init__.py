"""Deep Deblur and Deep Deblur with Slack: blind deconvolution inside the range of two generators."""
