"""The phone line as a part of the house, and its calls."""
