"""The evidence of a kernel with the image integrated out, under a Gaussian model of a class."""
