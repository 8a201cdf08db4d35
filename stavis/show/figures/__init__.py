"""Figures that stand alone: over time, key moments, the overlay on the source video."""
