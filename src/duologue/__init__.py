"""Characters that talk, live."""

__version__ = "0.1.0"
