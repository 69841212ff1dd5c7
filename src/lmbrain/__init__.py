"""Where do language models and human brains part ways on a story?"""

__version__ = "0.1.0"
