"""Faces in a video: found, tracked, aligned, with their regions."""
