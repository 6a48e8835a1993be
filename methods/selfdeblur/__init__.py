"""SelfDeblur: blind deconvolution by two untrained networks, fitted to one observation."""
