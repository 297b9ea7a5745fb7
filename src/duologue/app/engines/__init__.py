"""Engines by name, how they are, and the voices of a cast."""
