"""Word features: language-model states, surprisal, static embeddings and controls."""
