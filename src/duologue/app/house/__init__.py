"""The running system: its parts, what they share, and what they report."""
