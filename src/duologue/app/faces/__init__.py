"""Characters' faces, for who draws them elsewhere."""
