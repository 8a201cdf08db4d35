"""The flat renderer: faces as layered drawings in perspective, fast enough for two cores."""
