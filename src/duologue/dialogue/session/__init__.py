"""A conversation between a person and a character: what executes the table's effects."""
