"""The chat of ``duologue talk --text``: lines from a terminal or a pipe, answers sentence by sentence."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from duologue.app.talking.captions import Caption, CaptionKind, Captions
from duologue.app.talking.chat import Chat, open_chat
from duologue.cli.talk_shown import both
from duologue.dialogue.session.ledger import open_session_ledger
from duologue.dialogue.turns.vocabulary import Commit, Effect, Event, Think

if TYPE_CHECKING:
    from pathlib import Path

    from duologue.app.talking.chat import Take
    from duologue.app.talking.talking import Partner
    from duologue.dialogue.session.session import SessionOptions
    from duologue.telemetry.runs import RunKeeping

LEAVE = "/quit"
HELP = {
    "/hint": "hint please", "/translate": "translate that please", "/again": "say it again please",
    "/skip": "skip this one",
}  # fmt: skip
"""What stands for words in a lesson."""
MAX_LINE = 100_000
"""Bytes; what is longer without an end of line is taken as a line."""


async def chat_on_terminal(
    partner: Partner, options: SessionOptions, take: Take, ledger: Path | None = None, runs: RunKeeping | None = None
) -> None:
    """Chat until ``/quit`` or the end of standard input. ``ledger`` is a file for what happens, ``runs`` where its run
    is kept.

    On a terminal a line that is written into an answer interrupts it; a program's lines wait for their answers.
    """
    live = sys.stdin.isatty() and sys.stdout.isatty()
    page = ChatPage(partner.persona.title, live)
    async with (
        open_session_ledger(ledger, partner.persona.name, options.person, runs=runs, requests=partner.ledger) as book,
        open_chat(
            replace(partner, conversation=book.conversation),
            replace(options, id=book.conversation),
            take=take,
            observe=both(page.take, book.take),
        ) as chat,
        aclosing(lines(0)) as written,
    ):
        page.prompt()
        async for line in written:
            if line == LEAVE:
                return
            await _tell(chat, HELP.get(line, line), live)
            page.check()
            if not line:
                page.prompt()
        page.end()


async def _tell(chat: Chat, line: str, live: bool) -> None:
    if not line:
        return
    if live:
        chat.say(line)
    else:
        await chat.ask(line)


class ChatPage:
    """Writes what is said as it comes: each answer a line, that grows by its sentences."""

    def __init__(self, name: str, live: bool) -> None:
        self._name = name
        self._live = live
        self._captions = Captions()
        self._notes: list[str] = []
        """What is shown under the answer."""
        self._open = False
        """A line is begun."""
        self._unread: BrokenPipeError | None = None

    def prompt(self) -> None:
        """Show a person that it is their turn."""
        if self._live:
            self._put("› ")

    def end(self) -> None:
        """The person has left without a word: the shell's prompt shall not stand behind ours."""
        if self._live:
            self._put("\n")

    def take(self, item: Event | Effect, now: int) -> None:
        """What the session's observer sees."""
        if caption := self._captions.take(item):
            self._show(caption)
        match item:
            case Think() if self._live:
                self._put("\r\x1b[2mthinking…\x1b[0m")
            case Commit():
                self._put("\n" if self._open else "")
                self._put("".join(f"  ({note})\n" for note in self._notes))
                self._open = False
                self._notes.clear()
                self.prompt()
            case _:
                pass

    def _show(self, caption: Caption) -> None:
        match caption.kind:
            case CaptionKind.SAID:
                erase = "\r\x1b[K" if self._live else ""
                self._put(f" {caption.text}" if self._open else f"{erase}{self._name}: {caption.text}")
                self._open = True
            case CaptionKind.CUT:
                self._put(" –" if self._open else "")
            case CaptionKind.NOTE:
                self._notes.append(caption.text)
            case CaptionKind.TROUBLE:
                sys.stderr.write(f"{caption.text}\n")
            case CaptionKind.ASKED:
                pass  # they wrote it themselves

    def check(self) -> None:
        """Raise :class:`BrokenPipeError` when whoever read the page has left."""
        if self._unread is not None:
            raise self._unread

    def _put(self, text: str) -> None:
        if self._unread is None:
            try:
                sys.stdout.write(text)
                sys.stdout.flush()
            except BrokenPipeError as error:  # we are called by the conversation, whose fault it is not
                self._unread = error


async def lines(descriptor: int) -> AsyncGenerator[str, None]:
    """The lines of a terminal, a pipe or a file, without their ends; nothing is read ahead of who asks."""
    held = b""
    while True:
        await _readable(descriptor)
        read = os.read(descriptor, 4096)
        held += read
        *whole, held = held.split(b"\n")
        if not read or len(held) > MAX_LINE:
            whole, held = [*whole, held], b""
        for line in whole:
            if read or line:
                yield line.decode("utf-8", "replace").strip()
        if not read:
            return


async def _readable(descriptor: int) -> None:
    """Wait until reading does not block."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    try:
        loop.add_reader(descriptor, lambda: ready.done() or ready.set_result(None))
    except PermissionError:
        return  # a plain file is always ready, and no loop waits for it
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)
