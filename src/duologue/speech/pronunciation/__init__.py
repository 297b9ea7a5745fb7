"""How well each word of a known sentence was said."""
