"""Who may come in: the decision, as values, and the ASGI layer that executes it.

Three things are refused before any route sees them:

- a request that calls this machine by a foreign name while we listen on loopback: a web site whose name was pointed at
  127.0.0.1 (DNS rebinding) would otherwise read everything as if it were our own page;
- a change asked for by another site's page (``Origin``): the browser would send our cookie along;
- whatever lacks a token when there are any. It comes as ``Authorization: Bearer``, as ``?token=`` (which a browser's
  page request turns into a cookie, so that the token does not stay in the address) or as that cookie. The cookie holds
  an HMAC of the token, so it says which one it stands for; both are compared in constant time.

A token of the store (``duologue token create``) is known by its hash, and has limits: requests a minute, conversations
at once, minutes a day. What goes on with it ends when it is revoked.

What the token grants goes with the request (``scope["grant"]``); each route says which of it it wants
(:mod:`duologue.web.scopes`).

What a token guards may lie in the asker's own cache and in no other: a cache that many share (a proxy, a content
network) would hand it to whoever asks next. An answer that sets the cookie lies in none.

A socket of the Realtime API may also bring its key as a sub-protocol, which is all that a page of another site can
send: the page itself knows it then, so it is no forgery. Secrets that were made for such pages
(:mod:`duologue.web.client_secrets`) open that socket and nothing else.

Liveness and readiness are for everyone: they say nothing but yes or no. What comes from Twilio is judged by its
signature (:mod:`duologue.phone.twilio.voice`).
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from duologue.app.people.token_use import TokenSession
from duologue.app.talk.messages import TalkBye
from duologue.app.talk.sessions import RETRY_SECONDS
from duologue.errors import raise_first
from duologue.tokens import cookie_value
from duologue.web import paths, security
from duologue.web.client_secrets import ClientSecret, ClientSecrets
from duologue.web.options import EVERYTHING, NOTHING, Grant, WebOptions, is_loopback
from duologue.web.problems import problem
from duologue.web.sockets import CLOSE_SECONDS, POLICY_VIOLATION, turn_away

if TYPE_CHECKING:
    from duologue.store.tokens import KnownToken

COOKIE = "duologue"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_COOKIE_DAYS = 30
_KEY_PROTOCOL = "openai-insecure-api-key."
_PASSING = 60
"""Seconds: what hinders a talk no longer than that, its client waits for."""
_TOLD = {HTTPStatus.UNAUTHORIZED: "forbidden", HTTPStatus.SERVICE_UNAVAILABLE: "starting"}
"""What the socket of a talk is told by a ``bye``; another site's page is told nothing."""

_ASK_FOR_TOKEN = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Duologue</title><meta name="viewport"
content="width=device-width, initial-scale=1"><style>:root{{color-scheme:dark}}
body{{margin:0;background:#0e1011;color:#ece9e3;font:16px/1.5 system-ui,sans-serif}}
main{{max-width:28rem;margin:14vh auto 0;padding:1.5rem}}h1{{font-size:1.5rem;line-height:1.25}}p{{color:#a9adaf}}
.wrong{{color:#ff8272}}form{{display:flex;flex-wrap:wrap;align-items:end;gap:.75rem}}label{{flex:1 1 14rem}}
input,button{{box-sizing:border-box;min-height:2.75rem;padding:.25rem .75rem;border:1px solid #4a5056;border-radius:6px;
background:#212428;color:inherit;font:inherit}}input{{display:block;width:100%;margin-top:.25rem}}
button{{background:#ece9e3;color:#0e1011;font-weight:600}}:focus-visible{{outline:2px solid #f0b35a;outline-offset:2px}}
</style><main><h1>This house asks for a token</h1>{wrong}<form><label>Token <input name="token" type="password"
autocomplete="current-password" autofocus required></label> <button>Enter</button></form><p>Whoever runs it has it: the
setting <code>web.token</code>, or one of those that <code>duologue token create</code> made.</main></html>
"""
_WRONG = '<p class="wrong" role="alert">That token is not known here, or no longer.</p>'


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


def judge(
    options: WebOptions, method: str, path: str, query: str, headers: Mapping[str, str], shown: Grant | None = None
) -> Verdict:
    """Decide about one request. Header names are lower case; ``query`` is the raw query string. ``shown`` is what a key
    grants that the asker itself brought, not its browser.
    """
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
    if shown is not None:
        return Admit(grant=shown)
    if method not in _SAFE and not _same_origin(headers, options):
        return Refuse(
            HTTPStatus.FORBIDDEN,
            "Another site's page may not change anything here",
            "Ask from the page itself, or from a program, which sends no Origin.",
        )
    return _check_token(options, method, path, query, headers) if options.guarded else Admit()


def _check_token(options: WebOptions, method: str, path: str, query: str, headers: Mapping[str, str]) -> Verdict:
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and (grant := _grant(options, credentials.strip())):
        return Admit(grant=grant)
    asked = parse_qsl(query, keep_blank_values=True)
    for given in (value for name, value in asked if name == "token"):  # before the cookie: it may be another one's
        if grant := _grant(options, given):
            if method != "GET" or paths.for_machines(path):
                return Admit(remember=True, grant=grant)
            rest = urlencode([(name, value) for name, value in asked if name != "token"])
            return Redirect(_local(path) + (f"?{rest}" if rest else ""), grant)
    if grant := _grant_of_cookie(options, _cookie(headers.get("cookie", ""))):
        return Admit(grant=grant)
    if options.accounts is not None and not options.accounts.loaded:
        return Refuse(HTTPStatus.SERVICE_UNAVAILABLE, "The tokens are being read", "Try again in a moment.")
    return Refuse(
        HTTPStatus.UNAUTHORIZED,
        "This server wants a token",
        "Send it as 'Authorization: Bearer …', or open the page once with ?token=….",
    )


def protocol_key(offered: str) -> str:
    """The key among the sub-protocols that a socket offers (``openai-insecure-api-key.KEY``); empty: there is none."""
    names = (name.strip() for name in offered.split(","))
    return next((name.removeprefix(_KEY_PROTOCOL) for name in names if name.startswith(_KEY_PROTOCOL)), "")


def _grant(options: WebOptions, token: str) -> Grant | None:
    """What ``token`` allows; None: nothing. All of the settings' are compared: how long it takes tells nothing."""
    found = [key.grant for key in options.all_keys if _equal(token, key.token)]
    return found[0] if found else _of_store(options.accounts and options.accounts.bearer(token))


def _grant_of_cookie(options: WebOptions, value: str) -> Grant | None:
    """The same of the cookie that stands for a token."""
    found = [key.grant for key in options.all_keys if _equal(value, cookie_value(key.token))]
    return found[0] if found else _of_store(options.accounts and options.accounts.cookie(value))


def _of_store(token: KnownToken | None) -> Grant | None:
    return None if token is None else Grant(token.name, token.scopes, token)


def _local(path: str) -> str:
    """A path that stays on this server: ``//evil`` would be an address of another."""
    return "/" + path.lstrip("/\\")


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _cookie(header: str) -> str:
    """As browsers write it: other programs on this host have cookies that ``http.cookies`` does not read past."""
    return cookie_parser(header).get(COOKIE, "")


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

    def __init__(self, app: ASGIApp, options: WebOptions, secrets: ClientSecrets) -> None:
        self._app = app
        self._options = options
        self._secrets = secrets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI call."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        # a socket can do all that a change can, and browsers let any page open one
        method = scope.get("method", "SOCKET")
        path = paths.route(scope)
        shown, secret = self._shown(headers) if (path, method) == (paths.REALTIME, "SOCKET") else (None, None)
        verdict = judge(self._options, method, path, scope["query_string"].decode("latin-1"), headers, shown)
        if scope["type"] == "websocket" and not isinstance(verdict, Admit):
            if isinstance(verdict, Refuse) and verdict.status in _TOLD and paths.is_talk(path):
                retry = None if verdict.status is HTTPStatus.UNAUTHORIZED else RETRY_SECONDS
                await turn_away(send, _bye(_TOLD[verdict.status], verdict.what, verdict.remedy, retry))
            elif isinstance(verdict, Refuse) and _denies(scope):
                await _refusal(verdict, path, headers, tried=False)(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        match verdict:
            case Admit(remember, grant):
                cookie = self._cookie(scope, grant) if remember else ""
                guarded = self._guarded(send, cookie) if self._options.guarded else send
                await self._admit({**scope, "grant": grant, "secret": secret}, receive, guarded, grant.token, path)
            case Redirect(location, grant):
                response = RedirectResponse(scope.get("root_path", "") + location, HTTPStatus.SEE_OTHER)
                await response(scope, receive, self._guarded(send, self._cookie(scope, grant)))
            case Refuse():
                tried = b"token=" in scope["query_string"]
                await _refusal(verdict, path, headers, tried=tried)(scope, receive, send)

    def _shown(self, headers: Headers) -> tuple[Grant | None, ClientSecret | None]:
        """What the key of a socket grants that was brought as a sub-protocol, or is a secret made for that."""
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        bearer = credentials.strip() if scheme.lower() == "bearer" else ""
        brought = protocol_key(headers.get("sec-websocket-protocol", ""))
        for given in filter(None, (brought, bearer)):
            if (secret := self._secrets.find(given)) is not None:
                return secret.grant, secret
        return (_grant(self._options, brought) if brought else None), None

    async def _admit(self, scope: Scope, receive: Receive, send: Send, token: KnownToken | None, path: str) -> None:
        """A token of the store has limits, and what goes on with it ends when it is revoked."""
        accounts = self._options.accounts
        if token is None or accounts is None:
            await self._app(scope, receive, send)
            return
        is_socket = scope["type"] == "websocket"
        refused = accounts.admit(token)
        if refused is None:
            with accounts.session(token) if is_socket else accounts.request(token) as session:
                if isinstance(session, TokenSession):
                    await self._while_it_holds(scope, receive, send, session)
                    return
                refused = session
        if is_socket and paths.is_talk(path):
            retry = RETRY_SECONDS if refused.retry <= _PASSING else None
            await turn_away(send, _bye("full", refused.what, refused.remedy, retry))
            return
        if is_socket and not _denies(scope):
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": refused.what})
            return
        response = problem(
            HTTPStatus.TOO_MANY_REQUESTS, refused.what, where=f"token {token.name}", remedy=refused.remedy,
            headers={"Retry-After": str(refused.retry)}, path=path,
        )  # fmt: skip
        await response(scope, receive, send)

    async def _while_it_holds(self, scope: Scope, receive: Receive, send: Send, session: TokenSession) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                serving = group.create_task(_serve(self._app, scope, receive, send))
                ending = group.create_task(session.over.wait())
                await asyncio.wait((serving, ending), return_when=asyncio.FIRST_COMPLETED)
                ending.cancel()
                if not serving.done():
                    if scope["type"] == "websocket":
                        close = {"type": "websocket.close", "code": POLICY_VIOLATION, "reason": session.why}
                        with contextlib.suppress(Exception):  # it may be closing already, or read nothing
                            async with asyncio.timeout(CLOSE_SECONDS):
                                await send(close)
                    serving.cancel()
        except BaseExceptionGroup as failures:
            raise_first(failures)

    def _cookie(self, scope: Scope, grant: Grant) -> str:
        """``Lax``: a link from elsewhere may open the page, but change nothing."""
        secure = "; Secure" if scope.get("scheme") == "https" else ""
        if grant.token is None:
            token = next(key.token for key in self._options.all_keys if key.grant == grant)
        else:  # nobody has it but who brought it just now
            given = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            token = next(value for name, value in given if name == "token" and _grant(self._options, value) == grant)
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


def _denies(scope: Scope) -> bool:
    """A socket may be answered as any request is, before it is one (an extension of ASGI's); else it is a bare 403."""
    return "websocket.http.response" in scope.get("extensions", {})


async def _serve(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


def _bye(code: str, what: str, remedy: str, retry: float | None) -> TalkBye:
    return TalkBye.model_validate({"code": code, "text": what, "remedy": remedy, "retry_seconds": retry})


def private(caching: str) -> str:
    """A ``Cache-Control`` value (RFC 9111, section 5.2.2) for what only this asker may see; none means not to keep
    it.
    """
    named = [directive.strip() for directive in caching.split(",") if directive.strip()]
    if not named or "no-store" in named:
        return "no-store"
    return ", ".join(("private", *(directive for directive in named if directive not in ("public", "private"))))


def _refusal(verdict: Refuse, path: str, headers: Headers, *, tried: bool) -> Response:
    unauthorized = verdict.status is HTTPStatus.UNAUTHORIZED
    if unauthorized and "text/html" in headers.get("accept", "") and not paths.for_machines(path):
        told = {"Cache-Control": "no-store", security.POLICY: security.OWN_STYLE}
        return HTMLResponse(_ASK_FOR_TOKEN.format(wrong=_WRONG * tried), verdict.status, told)
    challenge = {"WWW-Authenticate": "Bearer"} if unauthorized else {}
    return problem(
        verdict.status, verdict.what, where=path, remedy=verdict.remedy,
        headers={**challenge, "Cache-Control": "no-store"}, path=path,
    )  # fmt: skip
