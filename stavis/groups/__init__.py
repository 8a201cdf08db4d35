"""Groups of recordings: maps of many faces on one canonical face, their differences, and averages around events."""
