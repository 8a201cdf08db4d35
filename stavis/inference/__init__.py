"""A trained network reads a video: values and attention for every frame, attributions, the device it runs on."""
