"""Networks trained end to end, from the blurred image straight to the sharp one."""
