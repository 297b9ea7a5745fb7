"""Who is talked with, what is kept of it, what characters know, and who is let in."""
