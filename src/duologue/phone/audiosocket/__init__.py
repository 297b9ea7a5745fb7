"""AudioSocket: calls that an Asterisk brings over TCP."""
