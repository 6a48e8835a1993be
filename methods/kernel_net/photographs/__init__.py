"""A network from a blurred photograph to its kernel: any size, grey or in colour."""
