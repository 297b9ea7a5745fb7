"""Engines that think: one protocol, one file per engine; personas; moderation."""
