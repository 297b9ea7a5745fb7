"""Utterances and marks; the engines that speak (and, later, hear): a protocol each, one file per engine."""
