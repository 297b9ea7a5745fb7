"""The spoken conversation of ``duologue talk``: with a file, or with the machine's microphone and loudspeaker."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from duologue.app.clips import read_clip
from duologue.app.talking import Partner, find_partner, open_partner
from duologue.app.talking_devices import Device, find_device, hold
from duologue.app.talking_sound import SpokenTalk, open_recording, talk_over
from duologue.audio.echo_cancel import EchoCanceller
from duologue.audio.pcm import Samples
from duologue.cli.talk_shown import TranscriptPrinter, both, standing_shown
from duologue.clock import SECOND, SYSTEM_CLOCK
from duologue.dialogue.recording import ConversationRecorder
from duologue.dialogue.session import Observe, SessionOptions
from duologue.dialogue.session_ledger import open_session_ledger
from duologue.settings import Settings

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
    """Who sees what happens."""

    shown: TranscriptPrinter
    observe: Observe


async def talk_aloud(settings: Settings, character: str, options: SessionOptions, files: Files) -> bool:
    """Hold one conversation; False when nothing came of it, which is then said."""
    member = find_partner(character, settings)
    question = read_clip(files.question) if files.question else None
    device = find_device(files.device) if question is None else None
    chosen = settings.dialogue
    echo = EchoCanceller(chosen.echo_delay_ms) if chosen.echo_cancel and device is not None else None
    async with _watched(member.persona.title, member.name, options.person, files.ledger) as watch:
        with open_recording(files.answer, files.both or recording_name(settings, SYSTEM_CLOCK.wall())) as recording:
            async with open_partner(settings, member) as partner:
                if device is not None:
                    await _converse(partner, device, recording, options, watch, echo)
                    return True
                assert question is not None
                heard_out = await talk_over(partner, question, recording, options, observe=watch.observe)
    return _conclude(watch.shown, heard_out, files.question)


def recording_name(settings: Settings, wall: int) -> Path | None:
    """Where a conversation that begins at ``wall`` (ns) is recorded as the settings say; None: nowhere."""
    folder = settings.dialogue.record_folder
    if folder is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"talk-{datetime.fromtimestamp(wall / SECOND, UTC):%Y%m%dT%H%M%S.%fZ}.opus"


@asynccontextmanager
async def _watched(title: str, speaker: str, person: str, ledger: Path | None) -> AsyncGenerator[_Watch]:
    shown = TranscriptPrinter(person, title, SYSTEM_CLOCK.now())
    async with open_session_ledger(ledger, speaker, person, changed=shown.record) as book:
        yield _Watch(shown, both(shown.take, book.take))


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
