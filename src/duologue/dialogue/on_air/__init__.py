"""The automatic conversation of a show: who speaks next, written and voiced ahead, in time."""
