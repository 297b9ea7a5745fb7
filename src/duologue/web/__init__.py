"""The ASGI application: API, events, the stream, and the page's files."""
