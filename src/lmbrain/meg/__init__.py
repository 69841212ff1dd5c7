"""MEG recordings to word-locked responses."""
