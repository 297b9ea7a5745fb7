"""Engines that think: one protocol, an engine a file or a folder; personas, moderation, and text made speakable."""
