"""The voice `piper`: Piper's models, decoded piece by piece in a worker process."""
