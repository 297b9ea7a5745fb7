"""Sinks somewhere else, and what they say that they have played."""
