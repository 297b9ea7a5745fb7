"""sipp with scenarios of ours: who calls and is sent away, who calls and talks, and who is called and is busy."""

from __future__ import annotations

import asyncio
from pathlib import Path
from xml.sax.saxutils import escape

from peers.sip_line import HOST, program

_HEAD = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "sipp" <sip:16@[local_ip]:[local_port]>;tag=[pid]sipp[call_number]
To: <sip:{called}@[remote_ip]:[remote_port]>{to}
Call-ID: [call_id]
CSeq: {number} {method}
Contact: <sip:16@[local_ip]:[local_port]>
Max-Forwards: 70
{more}"""
_SOUND = """v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
"""
BUSY = """<scenario name="busy">
<recv request="INVITE"/>
<send><![CDATA[
SIP/2.0 486 Busy Here
[last_Via:]
[last_From:]
[last_To:];tag=[pid]busy[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
<recv request="ACK"/>
</scenario>"""


def _send(method: str, called: str, number: int, *, to: str = "", more: str = "", sound: bool = False) -> str:
    head = _HEAD.format(called=called, number=number, method=method, to=to, more=more).rstrip()
    kind = "Content-Type: application/sdp\n" if sound else ""
    body = _SOUND if sound else ""
    text = f"{method} sip:{called}@[remote_ip]:[remote_port] SIP/2.0\n{head}\n{kind}Content-Length: [len]\n\n{body}"
    return f"<send{' retrans=' + chr(34) + '500' + chr(34) if method == 'INVITE' else ''}><![CDATA[\n{text}\n]]></send>"


def _refused(status: int, called: str, number: int) -> str:
    optional = "".join(f'<recv response="{code}" optional="true"/>' for code in (100, 180))
    wants = ' auth="true"' if status == 401 else ""
    return f'{optional}<recv response="{status}"{wants}/>' + _send("ACK", called, number, to="[peer_tag_param]")


def calls(called: str, ends: int, password: str = "") -> str:
    """A call that ends with a refusal; with a ``password`` it is asked for that first."""
    steps = [_send("INVITE", called, 1, sound=True)]
    if password:
        proof = f"[authentication username=16 password={escape(password)}]"
        steps += [_refused(401, called, 1), _send("INVITE", called, 2, more=proof, sound=True)]
    steps.append(_refused(ends, called, 2 if password else 1))
    return f'<scenario name="refused">{"".join(steps)}</scenario>'


def nobody_answers(called: str) -> str:
    """A call that hears nothing, and is repeated once."""
    invite = _send("INVITE", called, 1, sound=True).replace(' retrans="500"', "")
    return f'<scenario name="unheard">{invite}<pause milliseconds="500"/>{invite}<pause milliseconds="500"/></scenario>'


def _session(version: int, direction: str) -> str:
    return _SOUND.replace("o=sipp 1 1", f"o=sipp 1 {version}").replace(
        " 0\na=", f" 0 101\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\na={direction}\na="
    )


def _changes(number: int, direction: str) -> str:
    """A re-INVITE with another direction, its answer and the ACK."""
    again = _send("INVITE", "16", number, to="[peer_tag_param]", sound=True).replace(
        _SOUND, _session(number, direction)
    )
    answered = '<recv response="100" optional="true"/><recv response="200"/>'
    return again + answered + _send("ACK", "16", number, to="[peer_tag_param]")


def talks(spoken: Path, key: Path) -> str:
    """A call that speaks ``spoken`` (µ-law), presses a key by RFC 4733 (``key``, a capture) and 7 by INFO, holds,
    resumes, and hangs up.
    """
    info = _send("INFO", "16", 2, to="[peer_tag_param]").replace(
        "Content-Length: [len]\n\n",
        "Content-Type: application/dtmf-relay\nContent-Length: [len]\n\nSignal=7\nDuration=160\n",
    )
    rung = "".join(f'<recv response="{code}" optional="true"/>' for code in (100, 180))
    steps = [
        _send("INVITE", "16", 1, sound=True).replace(_SOUND, _session(1, "sendrecv")),
        rung, '<recv response="200"/>', _send("ACK", "16", 1, to="[peer_tag_param]"),
        f'<nop><action><exec rtp_stream="{spoken},1,0"/></action></nop><pause milliseconds="1500"/>',
        f'<nop><action><exec play_pcap_audio="{key}"/></action></nop><pause milliseconds="1500"/>',
        info, '<recv response="200"/>',
        _changes(3, "sendonly"), '<pause milliseconds="300"/>', _changes(4, "sendrecv"), '<pause milliseconds="300"/>',
        _send("BYE", "16", 5, to="[peer_tag_param]"), '<recv response="200"/>',
    ]  # fmt: skip
    return f'<scenario name="talks">{"".join(steps)}</scenario>'


def gives_up() -> str:
    """A call that is cancelled while it rings."""
    cancel = _send("CANCEL", "16", 1).replace(";branch=[branch]", ";branch=[branch-3]")
    over = '<recv response="200"/><recv response="487"/>' + _send("ACK", "16", 1, to="[peer_tag_param]")
    rung = '<recv response="100" optional="true"/><recv response="180"/>'
    return f'<scenario name="gives up">{_send("INVITE", "16", 1, sound=True)}{rung}{cancel}{over}</scenario>'


async def plays(folder: Path, scenario: str, *arguments: str, host: str = HOST, count: int = 1) -> None:
    """Have sipp play it, ``count`` times side by side; each was played to its end."""
    name = program("sipp", "sip-tester")
    file = folder / f"{abs(hash((scenario, arguments)))}.xml"
    file.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n{scenario}\n')
    process = await asyncio.create_subprocess_exec(
        name, *arguments, "-sf", str(file), "-i", host, "-m", str(count), "-timeout", "20", "-nostdin", "-trace_err",
        "-error_file", str(file.with_suffix(".err")), cwd=folder, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(25):
            _, said = await process.communicate()
        errors = file.with_suffix(".err")
        assert process.returncode == 0, said.decode() + (errors.read_text() if errors.exists() else "")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
