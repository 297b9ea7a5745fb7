"""Turn-taking between a person and a character, as a table. Pure."""
