"""The networks that read faces: their files, fetched and checked, what runs them, and what they answer."""
