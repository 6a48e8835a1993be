"""Names of the project's own kernel sources."""

CATALOG: dict[str, str] = {"motion-blur": "datasets.motion_blur:MotionBlur"}
