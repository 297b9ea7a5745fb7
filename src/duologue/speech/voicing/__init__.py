"""From an engine's chunks to an utterance that can go on air."""
