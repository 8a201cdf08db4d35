"""Files to upright frames with the container's times."""
