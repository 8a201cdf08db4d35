"""Data sets on disk, each in its own format, to recordings with labels."""
