"""Names of the project's own kernel sources."""

CATALOG: dict[str, str] = {"motion-blur": "bench.datasets.motion_blur:MotionBlur"}
