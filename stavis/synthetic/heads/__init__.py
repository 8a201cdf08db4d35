"""Heads in three dimensions: a morphable model, how its faces move, and the renderer of its images."""
