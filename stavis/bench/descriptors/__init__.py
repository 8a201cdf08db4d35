"""Descriptors of faces that are computed, not learned: local binary patterns of Gabor pictures, bags of face shapes."""
