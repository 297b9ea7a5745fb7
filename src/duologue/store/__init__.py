"""What outlives a conversation: people, what was heard, what is remembered of them; tokens; characters' own files."""
