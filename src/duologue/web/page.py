"""The page's files: hashed assets for ever, everything else revalidated, every unknown path the page itself."""

from __future__ import annotations

import mimetypes
import os
from http import HTTPStatus
from pathlib import Path, PurePosixPath

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import NotModifiedResponse, PathLike, StaticFiles
from starlette.types import Receive, Scope, Send

from duologue.web import encodings, paths, security
from duologue.web.problems import NotFound

FACE = "face.html"
"""The document of one face alone, served as ``/face/CHARACTER``."""
_FOREVER = "public, max-age=31536000, immutable"
_NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Duologue</title>
<meta name="viewport" content="width=device-width">
<body style="font:16px/1.5 system-ui;max-width:36em;margin:15vh auto;padding:0 1em">
<h1>The page has not been built</h1>
<p>Run <code>make setup</code> in the project's folder, then reload this page.
<p>The stream itself works without it: <a href="stream/index.m3u8">stream/index.m3u8</a>; so does
<a href="docs">the API</a>.</html>
"""


class Page(StaticFiles):
    """The build's files, in each show's place; their folder may be missing, which the page then says.

    It answers what no route answers (:attr:`starlette.routing.Router.default`), so that a wrong method is still called
    so.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, check_dir=False)
        self._folder = folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI call."""
        if scope["type"] == "websocket":  # there is none here yet
            await send({"type": "websocket.close"})
            return
        if not paths.route(scope):  # what the page names lies beside it, so its own address must end in a slash
            await RedirectResponse(f"{scope['root_path']}/")(scope, receive, send)
            return
        await super().__call__(scope, receive, send)

    async def check_config(self) -> None:
        """A folder that is missing is no fault of the configuration: the page says how to make it."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file at ``path``, or the page for a path that names no file."""
        name = PurePosixPath("index.html" if path == "." else path)
        show = scope["show"]
        if (
            paths.for_machines(f"/{name}")
            or name.suffix in encodings.SUFFIXES.values()
            or any(part.startswith(".") for part in name.parts)
        ):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        if show is not None and show.headless:
            raise NotFound(
                "this show has no page", where=scope["path"],
                remedy="Its stream is at stream/index.m3u8, its API at /docs; start it without --headless.",
            )  # fmt: skip
        if name.parts[0] == "face" and len(name.parts) == 2 and not name.suffix:
            name = PurePosixPath(FACE)  # it is built to lie there
        elif str(name) == FACE:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        # not deeper: what the page names lies beside it
        address = (not name.suffix and len(name.parts) == 1) or str(name) == "index.html"
        if address and not (self._folder / "index.html").is_file():
            headers = {"Cache-Control": "no-store", security.POLICY: security.OWN_STYLE}
            return HTMLResponse(_NOT_BUILT, HTTPStatus.SERVICE_UNAVAILABLE, headers)
        try:
            response = await super().get_response(str(name), scope)
        except HTTPException as error:
            if error.status_code != HTTPStatus.NOT_FOUND or not address:
                raise
            response = await super().get_response("index.html", scope)
        response.headers["Cache-Control"] = _FOREVER if name.parts[0] == "assets" else "no-cache"
        response.headers[security.POLICY] = security.PAGE
        return response

    def file_response(
        self, full_path: PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file in the form that the client prefers; each form has an ``ETag`` of its own."""
        file = Path(full_path)
        forms = {
            name: form
            for name, suffix in encodings.SUFFIXES.items()
            if (form := file.with_name(file.name + suffix)).is_file()
        }
        asked = Headers(scope=scope)
        coding = encodings.choose(asked.get("accept-encoding", ""), forms)
        told = {"Vary": "Accept-Encoding"} if forms else {}
        if coding is not None:
            told["Content-Encoding"] = coding
        chosen = forms[coding] if coding is not None else file
        response = FileResponse(chosen, status_code, told, mimetypes.guess_type(file)[0], stat_result=chosen.stat())
        return NotModifiedResponse(response.headers) if self.is_not_modified(response.headers, asked) else response
