"""Conversations on virtual time: scripted callers and engines against the real core."""
