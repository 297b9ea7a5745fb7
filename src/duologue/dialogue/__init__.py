"""The core of talk: the director, which keeps the next turn written and voiced while this one plays."""
