"""Evidence from what is written down: logs of the systems before this one, made into counts that can be compared."""
