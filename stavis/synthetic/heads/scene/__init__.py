"""From a person to pixels: the mesh, the compiled loops, pose, light, what covers the face, and the file's camera."""
