"""The release: what its wheel and its sdist hold, where they can be installed, what they require."""
