"""What this machine carries and what it lacks."""
