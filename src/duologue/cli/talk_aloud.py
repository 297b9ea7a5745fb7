"""The spoken conversation of ``duologue talk``: with a file, or with the machine's microphone and loudspeaker."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from duologue.app.lessons.partner import LessonWish, open_lesson
from duologue.app.show.cast import CastMember
from duologue.app.show.clips import read_clip
from duologue.app.talking.devices import Device, find_device, hold
from duologue.app.talking.partners import find_partner
from duologue.app.talking.sound import SpokenTalk, open_recording, talk_over
from duologue.app.talking.talking import Partner, open_partner
from duologue.audio.echo_cancel import EchoCanceller
from duologue.audio.pcm import Samples
from duologue.cli.lesson_shown import LessonPrinter
from duologue.cli.talk_shown import TranscriptPrinter, say_if_forgotten, standing_shown, who
from duologue.cli.talk_shown import both as told_both
from duologue.clock import SECOND, SYSTEM_CLOCK
from duologue.dialogue.recording import ConversationRecorder
from duologue.dialogue.session.ledger import open_session_ledger
from duologue.dialogue.session.session import Observe, SessionOptions
from duologue.dialogue.turns.policy import Policy
from duologue.settings import Settings
from duologue.telemetry.runs import RunKeeping, keeping_of
from duologue.telemetry.stream import Ledger

TAIL_MS = 400
"""With a loudspeaker the ears stay closed so long after a reply: it sounds later than it was handed over, and rings."""

_LEAVE = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Files:
    """What a conversation reads and writes; each may be missing. ``device`` is a sound system by name (empty: any)."""

    question: Path | None = None
    answer: Path | None = None
    both: Path | None = None
    ledger: Path | None = None
    device: str = ""


@dataclass(frozen=True, slots=True)
class _Watch:
    """Who sees what happens in ``conversation``."""

    conversation: str
    shown: TranscriptPrinter
    observe: Observe
    recorded: Callable[[Path, int, Policy], None]
    follow: Callable[[Ledger | None], None]


async def talk_aloud(
    settings: Settings,
    character: str,
    options: SessionOptions,
    files: Files,
    person: str = "",
    wish: LessonWish | None = None,
) -> bool:
    """Hold one conversation, or a lesson, which is kept for ``person``; False when nothing came of it, which is then
    said.
    """
    member = find_partner(character, settings)
    question = read_clip(files.question) if files.question else None
    device = find_device(files.device) if question is None else None
    chosen = settings.dialogue
    echo = EchoCanceller(chosen.echo_delay_ms) if chosen.echo_cancel and device is not None else None
    async with _watched(
        member.persona.title, member.name, options.person, files.ledger, keeping_of(settings.runs)
    ) as watch:
        options = replace(options, id=watch.conversation)
        both = files.both or recording_name(settings, SYSTEM_CLOCK.wall())

        def begun(at: int) -> None:
            watch.shown.begin(at)
            if both is not None:
                watch.recorded(both, at, options.policy)

        with open_recording(files.answer, both, begun) as recording:
            async with _partner(settings, member, person, wish, watch.shown.write) as partner:
                say_if_forgotten(partner)
                partner = replace(partner, conversation=watch.conversation)
                watch.follow(partner.ledger)
                if both is not None and partner.acquaintance is not None:
                    partner.acquaintance.recorded(both)
                if device is not None:
                    await _converse(partner, device, recording, options, watch, echo)
                    return True
                assert question is not None
                heard_out = await talk_over(partner, question, recording, options, observe=watch.observe)
    return _conclude(watch.shown, heard_out, files.question)


@asynccontextmanager
async def _partner(
    settings: Settings, member: CastMember, person: str, wish: LessonWish | None, write: Callable[[str], None]
) -> AsyncGenerator[Partner]:
    if wish is None:
        async with open_partner(settings, member, person=who(person), measured=True) as partner:
            yield partner
        return
    async with open_lesson(settings, member, wish, who(person)) as (partner, desk):
        desk.tell = LessonPrinter(write).tell
        yield partner


def recording_name(settings: Settings, wall: int) -> Path | None:
    """Where a conversation that begins at ``wall`` (ns) is recorded as the settings say; None: nowhere."""
    folder = settings.dialogue.record_folder
    if folder is None:
        return None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"talk-{datetime.fromtimestamp(wall / SECOND, UTC):%Y%m%dT%H%M%S.%fZ}.opus"


@asynccontextmanager
async def _watched(
    title: str, speaker: str, person: str, ledger: Path | None, runs: RunKeeping | None
) -> AsyncGenerator[_Watch]:
    shown = TranscriptPrinter(person, title)
    async with open_session_ledger(ledger, speaker, person, changed=shown.record, runs=runs) as book:
        yield _Watch(book.conversation, shown, told_both(shown.take, book.take), book.recorded, book.follow)


async def _converse(
    partner: Partner,
    device: Device,
    recording: ConversationRecorder,
    options: SessionOptions,
    watch: _Watch,
    echo: EchoCanceller | None,
) -> None:
    """Until Ctrl-C, which hangs up: what was heard until then counts, and every file is whole."""
    loop = asyncio.get_running_loop()

    def make(play: Callable[[Samples], None]) -> SpokenTalk:
        talk = SpokenTalk(partner, recording, options, play=play, echo=echo, observe=watch.observe)
        for number in _LEAVE:
            loop.add_signal_handler(number, talk.session.hang_up)
        watch.shown.follow(lambda: talk.session.state)
        return talk

    sys.stderr.write(f"{device.name}: talk with {partner.persona.title}; Ctrl-C hangs up.\n")
    try:
        with standing_shown(watch.shown):
            await hold(make, device, recording)
    finally:
        for number in _LEAVE:
            loop.remove_signal_handler(number)


def _conclude(shown: TranscriptPrinter, heard_out: bool, question: Path | None) -> bool:
    """Say what went wrong, if anything did."""
    problem = ""
    if not shown.voice_heard:
        problem = f"{question}: no speech was found in it"
    elif not shown.understood:
        problem = f"{question}: a voice was heard, but no words were understood"
    elif not heard_out:
        problem = "the answer took too long and was cut off"
    if problem:
        sys.stderr.write(f"{problem}\n")
    return not problem
