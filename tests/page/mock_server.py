"""A server with the API's models and a recorded stream, and a show that is only a script: what the page is tried against.

Run it by hand while working on the page: ``python tests/page/mock_server.py --port 8099 --media /tmp/duologue-media``.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from scripted_show import ScriptedShow

from duologue.app.models import (
    CaptionRequest,
    ChatReceipt,
    ChatRequest,
    Conversation,
    ConversationRequest,
    LightsRequest,
    Problem,
    StageView,
    TvRequest,
)
from duologue.errors import DuologueError
from duologue.places import packs_folder

STATIC = packs_folder().parent / "src" / "duologue" / "web" / "static"
SEGMENTS = 60
WINDOW = 8
"""Segments in the playlist, of 1 s each."""


def make_media(folder: Path) -> None:
    """Record ``SEGMENTS`` one-second segments of a test picture (fragmented MP4, H.264 and AAC) once into ``folder``."""
    if (folder / f"{SEGMENTS - 1}.m4s").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    sources = ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-f", "lavfi", "-i", "sine=frequency=220:r=48000"]
    video = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "30", "-sc_threshold", "0"]
    audio = ["-c:a", "aac", "-b:a", "64k", "-ac", "2"]
    packaging = ["-f", "hls", "-hls_time", "1", "-hls_list_size", "0", "-hls_segment_type", "fmp4"]
    names = ["-hls_fmp4_init_filename", "init.mp4", "-hls_segment_filename", "%d.m4s", "made.m3u8"]
    command = ["ffmpeg", "-v", "error", "-y", *sources, "-t", str(SEGMENTS), *video, *audio, *packaging, *names]
    subprocess.run(command, cwd=folder, check=True)


def playlist(show: ScriptedShow) -> str:
    """The live playlist now: segment ``n`` is listed once its second is over; numbers begin at 0 with each start."""
    complete = int((show.now() - show.origin) // 1000)
    first = max(0, complete - WINDOW)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-TARGETDURATION:1",
        f"#EXT-X-MEDIA-SEQUENCE:{first}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{max(0, first - 1) // SEGMENTS}",
        '#EXT-X-MAP:URI="init.mp4"',
    ]
    for number in range(first, complete):
        if number and number % SEGMENTS == 0:
            lines.append("#EXT-X-DISCONTINUITY")
        lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{show.stamp(show.origin + number * 1000)}")
        lines.append("#EXTINF:1.000,")
        lines.append(f"{number}.m4s")
    return "\n".join(lines) + "\n"


def create_app(media: Path, show: ScriptedShow) -> FastAPI:
    """The mock application."""
    stopping = asyncio.Event()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(show.run())
            yield
            stopping.set()
            task.cancel()

    app = FastAPI(lifespan=lifespan)

    @app.middleware("http")
    async def explain(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:  # pyright: ignore[reportUnusedFunction]
        try:
            return await call(request)
        except DuologueError as error:
            problem = Problem(title=error.what, where=error.where, remedy=error.remedy, status=422)
            return JSONResponse(problem.model_dump(), status_code=422, media_type="application/problem+json")

    add_api(app, show)
    add_stream(app, media, show)
    app.mount("/", StaticFiles(directory=STATIC, html=True))
    return app


def add_api(app: FastAPI, show: ScriptedShow) -> None:
    """Conversations, chat, the stage, and the events of a :class:`ScriptedShow`."""

    async def conversations() -> list[Conversation]:
        return show.conversations()

    async def conversation(identity: str) -> Conversation:
        return show.conversation(identity)

    async def start(request: ConversationRequest) -> Conversation:
        return show.start(request)

    async def stop(identity: str) -> Conversation:
        return show.stop(identity)

    async def chat(request: ChatRequest) -> ChatReceipt:
        return show.chat(request)

    async def stage() -> StageView:
        return show.stage

    async def television(request: TvRequest) -> StageView:
        return show.television(request)

    async def lights(request: LightsRequest) -> StageView:
        return show.lights(request)

    async def caption(request: CaptionRequest) -> StageView:
        return show.change(caption=request.text)

    async def events() -> StreamingResponse:
        return StreamingResponse(show.events(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def say(kind: str) -> Response:
        show.notify(kind)
        return Response(status_code=204)

    app.get("/api/conversations")(conversations)
    app.get("/api/conversations/{identity}")(conversation)
    app.post("/api/conversations", status_code=201)(start)
    app.delete("/api/conversations/{identity}")(stop)
    app.post("/api/chat", status_code=202)(chat)
    app.get("/api/stage")(stage)
    app.post("/api/stage/tv")(television)
    app.post("/api/stage/lights")(lights)
    app.post("/api/stage/caption")(caption)
    app.get("/api/events")(events)
    app.post("/mock/notice/{kind}")(say)


def add_stream(app: FastAPI, media: Path, show: ScriptedShow) -> None:
    """The recorded stream as if it were live."""

    async def index() -> Response:
        text = playlist(show)
        if "#EXTINF" not in text:
            return PlainTextResponse("The first segment is being made.", 503, headers={"Retry-After": "1"})
        return Response(text, media_type="application/vnd.apple.mpegurl", headers={"Cache-Control": "no-store"})

    async def resource(name: str) -> FileResponse:
        stem, _, suffix = name.partition(".")
        file = name if suffix == "mp4" else f"{int(stem) % SEGMENTS}.m4s"
        return FileResponse(media / file, media_type="video/mp4")

    async def health() -> PlainTextResponse:
        return PlainTextResponse("ok")

    app.get("/stream/index.m3u8")(index)
    app.get("/stream/{name}")(resource)
    app.get("/healthz")(health)


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--media", type=Path, required=True)
    parser.add_argument("--steal", type=float, default=1.2, help="CPU steal to report, in per cent")
    options = parser.parse_args()
    make_media(options.media)
    show = ScriptedShow(steal=options.steal)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(options.media, show),
            host="127.0.0.1",
            port=options.port,
            log_level="warning",
            timeout_graceful_shutdown=1,
        )
    )
    server.run()


if __name__ == "__main__":
    sys.exit(main())
