"""Deep Deblur and Deep Deblur with Slack: blind deconvolution by two generative priors."""
