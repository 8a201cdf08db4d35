"""How the systems other than STA are trained."""
