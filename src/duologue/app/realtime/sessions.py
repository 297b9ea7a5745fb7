"""The sessions of the Realtime API: who is let in, with whom they speak, and what is told to who is not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from duologue.app.admission import PlaceTaken
from duologue.app.realtime.connection import TRY_LATER, RealtimeConnection, RealtimeParted
from duologue.app.realtime.messages import EventError, SessionFields, foreign_model, house_error
from duologue.app.realtime.session import RealtimeHouse, RealtimeSession
from duologue.app.realtime.settings import RealtimeConfig
from duologue.app.show.cast import CastMember
from duologue.app.talk.connection import SocketGone, TalkSocket
from duologue.app.talking.partners import HOUSE_VOICE, find_partner, partner_names
from duologue.app.talking.talking import Talk
from duologue.errors import DuologueError, InputError, in_words
from duologue.metering import charged_to
from duologue.streams import cancelled
from duologue.telemetry.log import get_logger

MOST_SESSIONS = 100
CLOSING_SECONDS = 2.0
_log = get_logger("duologue.realtime")


class RealtimeSessions:
    """See the module. Call :meth:`enter` for each socket, while the engines are warm."""

    def __init__(self, talk: Talk, house: RealtimeHouse) -> None:
        self._talk = talk
        self._house = house
        self._held: dict[RealtimeConnection, asyncio.Task[None] | None] = {}
        self._closing = False

    @property
    def held(self) -> int:
        """Sessions that go on."""
        return len(self._held)

    async def leave(self) -> None:
        """Take no more, and end those that go on, each with a word."""
        self._closing = True
        tasks = [task for task in self._held.values() if task is not None]
        for connection in list(self._held):
            connection.end(RealtimeParted(_later("The house is closing.", "closing"), TRY_LATER))
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSING_SECONDS)

    def describe(self, fields: SessionFields, expires_at: int) -> Mapping[str, object]:
        """A session as it would be. Raises :class:`EventError` and :class:`InputError` for one that cannot be."""
        config, member = self._begin(fields)
        if config.voice:
            self._house.voices(config.voice)
        return config.wire("sess_new", expires_at, member.name)

    async def enter(self, socket: TalkSocket, fields: SessionFields) -> None:
        """Serve a socket until it is closed; ``fields`` is what its session is to be from the beginning."""
        connection = RealtimeConnection(socket, self._house.clock)
        try:
            if self._closing or len(self._held) >= MOST_SESSIONS:
                why = "The house is closing." if self._closing else f"{MOST_SESSIONS} sessions go on. Try again later."
                raise RealtimeParted(_later(why, "closing" if self._closing else "no_place"), TRY_LATER)
            self._held[connection] = asyncio.current_task()
            await self._serve(connection, fields)
        except SocketGone:
            await socket.close(1000, "")
        except RealtimeParted as parted:
            await connection.close(parted)
        except EventError as error:
            await connection.close(RealtimeParted(error))
        except PlaceTaken as error:
            await connection.close(RealtimeParted(_later(str(error), "no_place"), TRY_LATER))
        except InputError as error:
            await connection.close(RealtimeParted(house_error(error)))
        except DuologueError as error:
            await connection.close(RealtimeParted(house_error(error, kind="server_error"), TRY_LATER))
        except Exception as error:  # one session's trouble is no other's
            if cancelled():
                raise
            _log.error("realtime.failed", cause=in_words(error), exc_info=error)
            broken = EventError("The session failed. Begin another one.", code="server_error", kind="server_error")
            await connection.close(RealtimeParted(broken))
        finally:
            self._held.pop(connection, None)

    async def _serve(self, connection: RealtimeConnection, fields: SessionFields) -> None:
        config, member = await asyncio.to_thread(self._begin, fields)
        async with self._talk.open(member) as opened:
            partner = replace(opened, part="api")  # as its records are called
            session = RealtimeSession(partner, member.voices, config, connection, self._house)
            _log.info("realtime.begun", talk=session.conversation, character=member.name)
            try:
                with charged_to(partner.customer):
                    await session.serve()
            finally:
                _log.info("realtime.ended", talk=session.conversation)

    def _begin(self, fields: SessionFields) -> tuple[RealtimeConfig, CastMember]:
        """What a session begins as, and who it is with."""
        asked = fields.model or ""
        name = HOUSE_VOICE if foreign_model(asked) else asked
        if name not in partner_names():  # by name only: what else names a character names files of this machine
            raise InputError(
                f"there is no model {asked!r}", where="model", remedy=f"Name one of {', '.join(partner_names())}."
            )
        member = find_partner(name, self._house.settings)
        return RealtimeConfig(model=asked or name).merged(fields), member


def _later(what: str, code: str) -> EventError:
    return EventError(what, code=code, kind="server_error")
