"""Conversations with clients of OpenAI's Realtime API."""
