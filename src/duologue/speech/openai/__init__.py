"""Ears and voices behind any server that speaks OpenAI's API."""
