"""Proof by planted truth: how often each test errs and what it finds, where the truth is known."""
