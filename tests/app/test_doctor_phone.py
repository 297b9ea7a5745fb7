"""What doctor says of the phone line."""

from __future__ import annotations

import socket
from pathlib import Path

from duologue.app.doctor.phone import phone_checks
from duologue.settings import load_settings


def test_ears_ports_and_settings_are_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "duologue.toml"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        file.write_text(f'[engines]\nstt = "pocketsphinx"\n[phone]\nlisten = "127.0.0.1:{port}"\n')
        found = {check.what: check for check in phone_checks(load_settings(config=file))}
    assert found["settings"].works
    assert not found["ears"].works
    assert "duologue models get natural" in found["ears"].note
    assert not found[f"port {port}/udp"].works
    file.write_text('[engines]\nstt = "pocketsphinx"\n[phone.transfers.human]\nto = "200"\n')
    found = {check.what: check for check in phone_checks(load_settings(config=file))}
    assert found["ears"].works
    assert "say or press where to (human), and nothing else" in found["ears"].note
    file.write_text('[phone]\nlisten = "127.0.0.1:0"\npersona = "nobody-of-that-name"\n')
    found = {check.what: check for check in phone_checks(load_settings(config=file))}
    assert "nobody-of-that-name" in found["settings"].note
    assert found["port 0/udp"].works
