"""From voice activity and words to when a person's turn begins and ends; echo of ours. Pure."""
