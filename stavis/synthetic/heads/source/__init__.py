"""Where the head model comes from: its file, the conversion of the published one, and the landmarks on it."""
