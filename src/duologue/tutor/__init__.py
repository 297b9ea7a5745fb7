"""The tutor: lessons, drills without a language model, how answers are judged, spaced review. It reads files alone."""
