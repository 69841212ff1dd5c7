"""Simulated people and languages with planted truth."""
