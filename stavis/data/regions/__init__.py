"""Regions without faces: a grid over the frame, boxes and masks that a user gives; as masks over what a network is shown."""
