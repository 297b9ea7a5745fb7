"""Conversations that clients hold over sockets (docs/talk-protocol.md)."""
