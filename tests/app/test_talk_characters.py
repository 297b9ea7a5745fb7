"""Who may be talked to, of all who ship, when a voice is missing for a while."""

from __future__ import annotations

import pytest
from engine_doubles import ADA
from structlog.testing import capture_logs

from duologue.app.admission import Admission
from duologue.app.engines.engines import EnginePool
from duologue.app.house.shared import Shared
from duologue.app.show.cast import CastMember
from duologue.app.talk import sessions as talk_sessions
from duologue.app.talk.sessions import TalkPart
from duologue.app.talking.partners import partner_names
from duologue.clock import SYSTEM_CLOCK
from duologue.errors import InputError
from duologue.settings import Settings, load_settings
from duologue.telemetry.stream import Ledger


async def test_who_could_not_be_found_is_looked_for_again_and_complained_of_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost, looked = partner_names()[0], list[str]()

    def find(name: str, settings: Settings) -> CastMember:
        looked.append(name)
        if name == lost and looked.count(name) < 3:
            raise InputError("its voice is missing")
        return ADA

    monkeypatch.setattr(talk_sessions, "find_partner", find)
    settings = load_settings()
    pool = EnginePool(settings)
    sessions = TalkPart(settings, Shared(pool, Admission(pool.at_once), Ledger(SYSTEM_CLOCK))).sessions
    with capture_logs() as told:
        names = [[each.name for each in await sessions.characters()] for _ in range(4)]
    assert names == [list(partner_names()[1:])] * 2 + [list(partner_names())] * 2
    assert [each["character"] for each in told if each["event"] == "talk.no_character"] == [lost]
    assert looked.count(lost) == 3  # all are known: nobody is looked for any more
