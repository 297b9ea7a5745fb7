"""The TV: films read, played ahead of need, and warped into the screen."""
