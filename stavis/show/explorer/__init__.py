"""The explorer: recordings opened, asked and annotated in a notebook."""
