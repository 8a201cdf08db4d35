"""How the frames of a whole video pass through a network."""
