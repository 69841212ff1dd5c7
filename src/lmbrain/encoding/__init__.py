"""Encoding models: from word features to held-out predictions of brain responses."""
