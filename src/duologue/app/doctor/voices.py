"""Whether a voice comes up, as it is set."""

from __future__ import annotations

import asyncio

from duologue.app.engines.engines import create_tts
from duologue.errors import DuologueError
from duologue.plurals import counted
from duologue.settings import Settings


async def try_voice(settings: Settings, name: str) -> tuple[int, str]:
    """How many voices the engine ``name`` has, 0 when it does not come up in the time that a house gives it; and what a
    person should know of them, or what is wrong.
    """
    seconds = settings.chains.start_seconds
    try:
        engine = create_tts(settings, name)
        try:
            async with asyncio.timeout(seconds):
                await engine.warm_up()
            voices = len(engine.capabilities.voices)
            notes: tuple[str, ...] = getattr(engine, "notes", ())
        finally:
            await engine.close()
    except DuologueError as error:
        return 0, str(error)
    except TimeoutError:
        return 0, f"it was not ready within {seconds:g} s"
    return voices, ". ".join((counted(voices, "voice"), *(note.rstrip(".") for note in notes)))
