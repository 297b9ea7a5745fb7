"""What goes out of the house, as the outside sees it: the stream of each show, and its recording."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from duologue.app.api_model import ApiModel

OutputState: TypeAlias = Literal["starting", "up", "down", "over"]


class OutputView(ApiModel):
    """A way out. What went wrong last is told also when it is up again."""

    of: str = Field(description="The topic of what it is of: `show:NAME`.")
    kind: Literal["hls", "recording"]
    where: str = Field(description="An address of this server, or a file's name.")
    state: OutputState = Field(
        description="starting: nothing has gone out yet; down: nothing goes out, it is tried again; over: it is whole."
    )
    reconnects: int = Field(default=0, description="Times that it went on after a break, since the show was opened.")
    bits_per_second: float | None = Field(default=None, description="Of the newest ten seconds; null: none.")
    frames_per_second: float | None = Field(default=None, description="The same.")
    megabytes: float | None = Field(default=None, description="Of the newest file.")
    waiting: int = Field(default=0, description="Segments (a second each) that wait for the disk.")
    lost: int = Field(default=0, description="Segments that were left out.")
    last_failure: str = Field(default="", description="Empty: nothing ever went wrong.")


class OutputsEvent(ApiModel):
    """How what goes out is: all of it, once a second while it changes."""

    type: Literal["outputs"] = "outputs"
    outputs: tuple[OutputView, ...]
