"""From the sounds of a line to the mouth that speaks it. Pure."""
