"""Where ``duologue dial`` listens, and what it may be called by: nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue.app.calls.dialling import listen_for
from duologue.app.calls.line_plan import line_plan
from duologue.errors import InputError
from duologue.settings import load_settings


@pytest.mark.parametrize(
    ("to", "listens"),
    [
        ("sip:17@127.0.0.1:5080", "127.0.0.1:0"),
        ("sip:17@localhost", "127.0.0.1:0"),
        ("sip:17@[::1]", "[::1]:0"),
        ("sip:17@192.0.2.10", "0.0.0.0:0"),
        ("SIPS:17@pbx.example;transport=tls", "0.0.0.0:0"),
        ("sip:17@[2001:db8::1]", "[::]:0"),
        ("17", "0.0.0.0:0"),
        ("tel:+4930901820", "0.0.0.0:0"),
    ],
)
def test_it_listens_where_whoever_is_called_can_answer(to: str, listens: str, tmp_path: Path) -> None:
    assert listen_for(to) == listens
    file = tmp_path / "duologue.toml"
    file.write_text("")
    only_calls = {"phone.listen": listens, "phone.answers": False}
    assert not line_plan(load_settings(only_calls, config=file).phone).options.answers
    if not listens.startswith(("127.", "[::1]")):
        with pytest.raises(InputError, match="lets everybody call"):
            load_settings(only_calls | {"phone.answers": True}, config=file)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="no SIP address"):
        listen_for("sip:")
