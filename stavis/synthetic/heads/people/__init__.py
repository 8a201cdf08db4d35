"""The people of the 3D renderer: what they look like, and how a head is shaped and painted."""
