"""PCM: types, conversion, loudness, mixing, and playout on a sample clock."""
