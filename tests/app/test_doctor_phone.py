"""What doctor says of the phone line."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from duologue.app.doctor.phone import PhoneCheck, phone_checks
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


def _found(file: Path, text: str) -> dict[str, PhoneCheck]:
    file.write_text(f'[engines]\nstt = "pocketsphinx"\n[phone]\nlisten = "127.0.0.1:0"\n{text}')
    return {check.what: check for check in phone_checks(load_settings(config=file))}


def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file, gone = tmp_path / "duologue.toml", tmp_path / "gone.pem"
    tls = f'transport = ["udp", "tls"]\ntls_port = 0\ntls_cert = "{gone}"\ntls_key = "{gone}"\n'
    found = _found(file, tls)
    assert not found["certificate"].works
    assert str(gone) in found["certificate"].note
    assert "certificate" not in _found(file, "")
    authorities = _found(file, f'tls_ca = "{gone}"\n')["authorities"]
    assert not authorities.works and str(gone) in authorities.note


@pytest.mark.parametrize(("ports", "works"), [((20_000, 20_019), True), ((20_001, 20_020), False)])
def test_more_places_than_ports_for_their_sound_are_named(ports: tuple[int, int], works: bool, tmp_path: Path) -> None:
    """Further callers heard 503, and the page spoke of places that were all taken."""
    found = _found(tmp_path / "duologue.toml", f"places = 10\nmedia_ports = [{ports[0]}, {ports[1]}]\n")
    assert ("ports of sound" in found) is not works
    if not works:
        assert "the sound of 9 calls" in found["ports of sound"].note


def test_the_port_of_an_asterisk_is_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "duologue.toml"
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        asterisk = f'[phone.audiosocket]\nlisten = "127.0.0.1:{port}"\n'
        check = _found(file, asterisk)[f"port {port}/audiosocket"]
        assert not check.works
        assert "phone.audiosocket.listen" in check.note
    assert _found(file, asterisk)[f"port {port}/audiosocket"].works


def test_a_port_whose_connections_were_just_closed_is_free(tmp_path: Path) -> None:
    """As it is after each end of a line: who listens may have it at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as theirs:
            ours, _ = listening.accept()
            ours.close()
            assert theirs.recv(1) == b""
    file = tmp_path / "duologue.toml"
    file.write_text(f'[phone]\ntransport = ["tcp"]\nlisten = "127.0.0.1:{port}"\n')
    found = {check.what: check for check in phone_checks(load_settings(config=file))}
    assert found[f"port {port}/tcp"].works, found
