"""Who may come in: the decision, as values, and the ASGI layer that executes it.

Three things are refused before any route sees them:

- a request that calls this machine by a foreign name while we listen on loopback: a web site whose name was pointed at
  127.0.0.1 (DNS rebinding) would otherwise read everything as if it were our own page;
- a change asked for by another site's page (``Origin``): the browser would send our cookie along;
- whatever lacks a token when there are any. It comes as ``Authorization: Bearer``, as ``?token=`` (which a browser's
  page request turns into a cookie, so that the token does not stay in the address) or as that cookie. The cookie holds
  an HMAC of the token, so it says which one it stands for; both are compared in constant time.

What the token grants goes with the request (``scope["grant"]``); each route says which of it it wants
(:mod:`duologue.web.scopes`).

What a token guards may lie in the asker's own cache and in no other: a cache that many share (a proxy, a content
network) would hand it to whoever asks next. An answer that sets the cookie lies in none.

Liveness and readiness are for everyone: they say nothing but yes or no. What comes from Twilio is judged by its
signature (:mod:`duologue.phone.twilio_voice`).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from duologue.web import paths
from duologue.web.options import EVERYTHING, NOTHING, Grant, Key, WebOptions, is_loopback
from duologue.web.problems import problem

COOKIE = "duologue"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_COOKIE_DAYS = 30
_POLICY_VIOLATION = 1008
"""RFC 6455, section 7.4.1."""

_ASK_FOR_TOKEN = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Duologue</title> <meta name="viewport"
content="width=device-width"><body style="font:16px/1.5 system-ui;max-width:28em;margin:20vh auto"> <h1>This show wants
a token</h1><form><label>Token <input name="token" type="password" autocomplete="current-password" autofocus
required></label> <button>Enter</button></form> <p>Whoever runs it has it: the setting <code>web.token</code>, or one
of <code>web.tokens</code>.</html>
"""


@dataclass(frozen=True, slots=True)
class Admit:
    """Let it in, to do what ``grant`` says; ``remember``: give the client a cookie, so that it need not bring the token
    again.
    """

    remember: bool = False
    grant: Grant = EVERYTHING


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send a browser to the same page without the token in the address, with a cookie that stands for it."""

    location: str
    grant: Grant = EVERYTHING


@dataclass(frozen=True, slots=True)
class Refuse:
    """Turn it away, saying why and what to do."""

    status: HTTPStatus
    what: str
    remedy: str


Verdict = Admit | Redirect | Refuse


def judge(options: WebOptions, method: str, path: str, query: str, headers: Mapping[str, str]) -> Verdict:
    """Decide about one request. Header names are lower case; ``query`` is the raw query string."""
    if path in paths.HEALTH:
        return Admit()
    if paths.within(path, paths.TWILIO):  # by whatever name it is called: a browser cannot sign
        return Admit(grant=NOTHING)
    host = _name(headers.get("host", ""))
    if options.loopback and not is_loopback(host) and host not in options.hosts:
        return Refuse(
            HTTPStatus.MISDIRECTED_REQUEST,
            f"This server is not called {host!r}",
            "Use the address it printed, or add the name to the setting web.hosts.",
        )
    if method not in _SAFE and not _same_origin(headers, options):
        return Refuse(
            HTTPStatus.FORBIDDEN,
            "Another site's page may not change anything here",
            "Ask from the page itself, or from a program, which sends no Origin.",
        )
    return _check_token(options, method, path, query, headers) if options.all_keys else Admit()


def cookie_value(token: str) -> str:
    """What the cookie of a client that knows ``token`` holds."""
    return hmac.digest(token.encode(), b"duologue cookie", "sha256").hex()


def _check_token(options: WebOptions, method: str, path: str, query: str, headers: Mapping[str, str]) -> Verdict:
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and (key := _key(options, credentials.strip())):
        return Admit(grant=key.grant)
    asked = parse_qsl(query, keep_blank_values=True)
    for given in (value for name, value in asked if name == "token"):  # before the cookie: it may be another one's
        if key := _key(options, given):
            if method != "GET" or paths.for_machines(path):
                return Admit(remember=True, grant=key.grant)
            rest = urlencode([(name, value) for name, value in asked if name != "token"])
            return Redirect(_local(path) + (f"?{rest}" if rest else ""), key.grant)
    if key := _key(options, _cookie(headers.get("cookie", "")), cookie_value):
        return Admit(grant=key.grant)
    return Refuse(
        HTTPStatus.UNAUTHORIZED,
        "This server wants a token",
        "Send it as 'Authorization: Bearer …', or open the page once with ?token=….",
    )


def _key(options: WebOptions, given: str, form: Callable[[str], str] = str) -> Key | None:
    """The token of which ``given`` is the ``form``. All are compared: how long it takes tells nothing."""
    found = [key for key in options.all_keys if _equal(given, form(key.token))]
    return found[0] if found else None


def _local(path: str) -> str:
    """A path that stays on this server: ``//evil`` would be an address of another."""
    return "/" + path.lstrip("/\\")


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _name(authority: str) -> str:
    """The host of ``host:port`` or ``[v6]:port``, lower case, without brackets."""
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""


def _same_origin(headers: Mapping[str, str], options: WebOptions) -> bool:
    """Whether a change comes from our own page, or from a program (which sends no ``Origin``)."""
    origin = headers.get("origin")
    if origin is None:
        return True
    authority = origin.partition("://")[2]
    return bool(authority) and (authority == headers.get("host") or _name(authority) in options.hosts)


class Gate:
    """The ASGI layer: asks :func:`judge` and does what it says."""

    def __init__(self, app: ASGIApp, options: WebOptions) -> None:
        self._app = app
        self._options = options

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI call."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        # a socket can do all that a change can, and browsers let any page open one
        method = scope.get("method", "SOCKET")
        path = paths.route(scope)
        verdict = judge(self._options, method, path, scope["query_string"].decode("latin-1"), headers)
        if scope["type"] == "websocket" and not isinstance(verdict, Admit):
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
            return
        match verdict:
            case Admit(remember, grant):
                cookie = self._cookie(scope, grant) if remember else ""
                guarded = self._guarded(send, cookie) if self._options.all_keys else send
                await self._app({**scope, "grant": grant}, receive, guarded)
            case Redirect(location, grant):
                response = RedirectResponse(scope.get("root_path", "") + location, HTTPStatus.SEE_OTHER)
                await response(scope, receive, self._guarded(send, self._cookie(scope, grant)))
            case Refuse():
                await _refusal(verdict, path, headers)(scope, receive, send)

    def _cookie(self, scope: Scope, grant: Grant) -> str:
        """``Lax``: a link from elsewhere may open the page, but change nothing."""
        secure = "; Secure" if scope.get("scheme") == "https" else ""
        token = next(key.token for key in self._options.all_keys if key.grant == grant)
        value = f"{COOKIE}={cookie_value(token)}; Path=/; HttpOnly; SameSite=Lax{secure}"
        return f"{value}; Max-Age={_COOKIE_DAYS * 86_400}"

    def _guarded(self, send: Send, cookie: str) -> Send:
        """Say of whatever is answered who may keep it, and add the cookie, if there is one."""

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Cache-Control"] = "no-store" if cookie else private(headers.get("Cache-Control", ""))
                headers.add_vary_header("Authorization, Cookie")
                if cookie:
                    headers.append("Set-Cookie", cookie)
            await send(message)

        return answer


def private(caching: str) -> str:
    """A ``Cache-Control`` value (RFC 9111, section 5.2.2) for what only this asker may see; none means not to keep
    it.
    """
    named = [directive.strip() for directive in caching.split(",") if directive.strip()]
    if not named or "no-store" in named:
        return "no-store"
    return ", ".join(("private", *(directive for directive in named if directive not in ("public", "private"))))


def _refusal(verdict: Refuse, path: str, headers: Headers) -> Response:
    unauthorized = verdict.status is HTTPStatus.UNAUTHORIZED
    if unauthorized and "text/html" in headers.get("accept", "") and not paths.for_machines(path):
        return HTMLResponse(_ASK_FOR_TOKEN, verdict.status, {"Cache-Control": "no-store"})
    challenge = {"WWW-Authenticate": "Bearer"} if unauthorized else {}
    return problem(
        verdict.status, verdict.what, where=path, remedy=verdict.remedy,
        headers={**challenge, "Cache-Control": "no-store"}, path=path,
    )  # fmt: skip
