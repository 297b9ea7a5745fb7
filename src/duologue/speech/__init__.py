"""Utterances and marks; engines that speak, hear and notice speech: a protocol each, an engine a file or a folder."""
