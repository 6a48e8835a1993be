"""Networks from a blurred photograph of any size to a sharp one."""
