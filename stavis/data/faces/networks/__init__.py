"""The face networks: their file, fetched and checked, and what they answer."""
