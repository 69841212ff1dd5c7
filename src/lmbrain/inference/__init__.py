"""Inference on autocorrelated words: nulls, corrections, comparisons, specificity."""
