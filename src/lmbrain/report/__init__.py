"""The study as one page."""
