"""How Debian's Chromium is started: the one without a window. The whole one draws a window with tabs around each page,
though nobody sees it, which took seven times the CPU of the page.
"""

from __future__ import annotations

CHROMIUM = "/usr/bin/chromium-headless-shell"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=document-user-activation-required",
]
