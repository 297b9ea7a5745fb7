"""Twilio Media Streams: calls that a carrier brings on a WebSocket."""
