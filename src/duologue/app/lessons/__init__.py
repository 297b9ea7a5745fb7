"""Lessons in a conversation with a person."""
