"""What a body does: speech over expression over idle. Pure."""
