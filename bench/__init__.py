"""Measured comparisons with other packages, run by hand; see `bench/README.md`."""
