"""Data sets: one module a source."""
