"""A conversation with a person, built from settings, by microphone, file or in writing."""
