"""The voice `espeak`: espeak-ng in a worker process; phonemes for the voices that want them."""
