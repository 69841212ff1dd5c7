"""From divergent sentences to tested statements about what a language model misses."""
