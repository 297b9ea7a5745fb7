"""Engines that think: one protocol, one file per engine; personas, moderation, and text made speakable."""
