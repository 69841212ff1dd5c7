"""Tiny data sets, each written in exactly the form that its source has."""
