"""The voice `kokoro`: Kokoro-82M in a worker process."""
