"""Figures for a paper: SVG, PDF with embedded fonts and PNG at 300 dpi, as wide as a column or a page."""
