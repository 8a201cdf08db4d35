"""Recordings to aligned crops, kept in the cache."""
