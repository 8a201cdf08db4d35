"""The explorer: recordings opened, inspected and annotated in a notebook."""
