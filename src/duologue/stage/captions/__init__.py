"""Captions: what is on screen when, set as pictures off the frame path."""
