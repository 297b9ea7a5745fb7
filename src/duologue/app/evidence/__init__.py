"""What the house does, for who looks at it while it goes on."""
