"""What every answer tells the browser that holds it: nothing is guessed, nothing is framed, nothing is let in.

A document says more precisely what it needs (the page, the API's reference); whatever says nothing needs nothing.
There is no ``Strict-Transport-Security``: a certificate of one's own making must stay possible, and who has a real one
says it there (``deploy/nginx.conf``).
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "Content-Security-Policy"
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
OWN_STYLE = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
"""Of a document that is one file: its style is in it, and no script."""
REPORT = OWN_STYLE.replace("frame-ancestors 'none'", "frame-ancestors 'self'").replace(
    "form-action 'self'", "form-action 'none'"
)
"""Of a report, which the page shows within itself: its style is in it, and no script."""
FRAMES, FRAMED = "X-Frame-Options", "SAMEORIGIN"
"""The same for a browser that does not know of ``frame-ancestors``."""
PAGE = (
    "default-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; img-src 'self' data: blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Of the page: blobs are what Media Source plays, and a worker of hls.js."""
_DEFAULTS = {
    POLICY: NOTHING,
    "X-Content-Type-Options": "nosniff",
    FRAMES: "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), fullscreen=(self), camera=(), geolocation=(), payment=(), usb=()",
}


class SecurityHeaders:
    """The ASGI layer that adds them where a route has not said otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _DEFAULTS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, answer)
