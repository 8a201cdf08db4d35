"""Groups of recordings: the command, its result and its page."""
