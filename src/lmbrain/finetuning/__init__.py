"""Tuning the language model on a domain."""
