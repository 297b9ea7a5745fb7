"""What is drawn once: pictures, bakes, and where they are kept."""
