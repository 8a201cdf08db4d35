"""Files that are written whole or not at all, the cache, locks."""
