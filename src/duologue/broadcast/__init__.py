"""Frames and samples to a delivered stream: encoder, fMP4, HLS, recorder, and the verifier that proves it."""
