"""From poses to a frame, in place, in the encoder's own colour space."""
