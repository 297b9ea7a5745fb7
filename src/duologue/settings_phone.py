"""The phone line's part of the settings: where it listens, whom it answers, as whom, and what it may do with a call."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator

from duologue.settings_parts import DialogueSettings, Names, SettingsSection, as_list, is_loopback
from duologue.tokens import held
from duologue.validation import WrittenPath, problems

_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\[\]:/\s]+):(?P<port>\d{1,5})")
_REGISTRAR = re.compile(r"(?:sips?:)?(?:\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::\d{1,5})?(?:;transport=(?:udp|tcp|tls))?", re.I)
_TARGET = re.compile(r"(?:sips?:[^\s<>]+|tel:[+\d][\d.()-]*|[\w.+*#-]+(?:@[\w.:-]+)?)", re.I)
KEYS = "0123456789*#"
"""Of a telephone, as a menu has them."""


def _listen(value: str) -> str:
    found = _ADDRESS.fullmatch(value)
    if found is None or int(found["port"]) > 65_535:
        raise ValueError(f"{value!r} is no address to listen on | Write host and port, e.g. 127.0.0.1:5060.")
    return value


def _networks(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        try:
            ip_network(value, strict=False)
        except ValueError:
            raise ValueError(
                f"{value!r} is no address and no network | Numbers only, e.g. 192.0.2.10 or 10.0.0.0/8."
            ) from None
    return values


def _registrars(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not _REGISTRAR.fullmatch(value):
            raise ValueError(
                f"{value!r} is no registrar | Its name or address, e.g. pbx.example.org:5060;transport=tcp."
            )
    return values


def _target(value: str) -> str:
    if not _TARGET.fullmatch(value):
        raise ValueError(f"{value!r} is nobody who can be called | An extension, or an address as sip:200@pbx.example.")
    return value


def _key(value: str) -> str:
    if value and (len(value) > 1 or value not in KEYS):
        raise ValueError(f"{value!r} is no key of a telephone | One of 0 to 9, * and #.")
    return value


def _phrases(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not re.fullmatch(r"[A-Za-z']+( [A-Za-z']+){0,4}", value):
            raise ValueError(f"{value!r} is nothing that is said for it | One to five English words, e.g. a person.")
    return values


def _turns(values: dict[str, Any]) -> dict[str, Any]:
    try:
        found = DialogueSettings.model_validate(values)
    except ValidationError as error:
        problem = problems(error, DialogueSettings)[0]
        raise ValueError(f"{problem.key or 'dialogue'}: {problem.what} | {problem.remedy}") from None
    return found.model_dump(include=found.model_fields_set)


Turns = Annotated[dict[str, Any], AfterValidator(_turns)]
"""Any keys of [dialogue]."""
Networks = Annotated[Names, AfterValidator(_networks)]
Registrars = Annotated[tuple[str, ...], BeforeValidator(as_list), AfterValidator(_registrars)]
Transports = Annotated[tuple[Literal["udp", "tcp", "tls"], ...], BeforeValidator(as_list)]
Digests = Annotated[tuple[Literal["sha-256", "md5"], ...], BeforeValidator(as_list)]
Remembered = Literal["nothing", "calls", "callers"]
Formats = Annotated[tuple[Literal["opus", "g722", "pcma", "pcmu"], ...], BeforeValidator(as_list)]


class AnswerSettings(SettingsSection):
    """As whom an extension is answered; what is unset is as [phone] has it."""

    persona: str | None = Field(default=None, min_length=1, description="Who answers: a character or persona.")
    greeting: str | None = Field(default=None, max_length=600, description="What it says first.")
    announce: str | None = Field(default=None, max_length=600, description="What is said before that.")
    language: str | None = Field(default=None, description="What it speaks and hears, e.g. de; unset: the persona's.")
    duplex: Literal["full", "half"] | None = Field(
        default=None, description="half: it hears nothing while it speaks; for lines that echo."
    )
    dialogue: Turns = Field(default={}, description="How it takes turns: any key of [dialogue], for its calls alone.")
    record: bool = Field(default=True, description="Its calls are recorded, where phone.record says so.")
    remember: Remembered | None = Field(default=None, description="What is kept of its calls: as phone.remember.")


class AccountSettings(AnswerSettings):
    """An extension at a PBX: the line registers it there, and answers it."""

    user: str = Field(min_length=1, max_length=80, description="The extension, as the PBX has it.")
    registrar: Registrars = Field(
        min_length=1, description="The PBX, e.g. pbx.example.org;transport=tls; of several the next when one is gone."
    )
    password: SecretStr | None = Field(default=None, description="Its password.")
    env: str = Field(default="", description="Or the environment variable that holds it.")
    auth_user: str = Field(default="", description="The name that the password is of; empty: the extension.")
    domain: str = Field(default="", description="What stands behind the @ of its address; empty: the registrar.")
    display: str = Field(default="", max_length=80, description="What those whom it calls see.")
    seconds: int = Field(default=300, ge=60, le=86_400, description="It registers for so long, and again in time.")

    @property
    def secret(self) -> str:
        """Its password; empty: it has none."""
        return held(self.password, self.env)

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if self.password is not None and self.env:
            raise ValueError("a password stands in one place | Give either password or env.")
        return self


class CallerSettings(SettingsSection):
    """Somebody who may call when they prove a password (digest)."""

    password: SecretStr | None = Field(default=None, description="The password.")
    env: str = Field(default="", description="Or the environment variable that holds it.")

    @property
    def secret(self) -> str:
        """The password; empty when the environment variable is."""
        return held(self.password, self.env)

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.password is None) == (not self.env):
            raise ValueError("a password stands in one place | Give either password or env, a variable's name.")
        return self


class TransferSettings(SettingsSection):
    """Where a call may be handed over: by a key, by the character, from the page."""

    to: Annotated[str, AfterValidator(_target)] = Field(
        description="An extension of the same PBX, or an address as sip:200@pbx.example."
    )
    digit: Annotated[str, AfterValidator(_key)] = Field(default="", description="The caller's key for it, e.g. 0.")
    words: Annotated[Names, AfterValidator(_phrases)] = Field(
        default=(), description="What callers say for it where only a menu is understood; empty: its name."
    )
    say: str = Field(default="", max_length=300, description="What the character says before; empty: a usual sentence.")
    about: str = Field(default="", max_length=300, description="When to use it, as the character is told.")


def _by_name(transfers: dict[str, TransferSettings]) -> dict[str, TransferSettings]:
    keys: dict[str, str] = {}
    for name, each in transfers.items():
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", name):
            raise ValueError(f"{name!r} is no name of it | Small letters, digits and hyphens: [phone.transfers.human].")
        if each.digit and (other := keys.setdefault(each.digit, name)) != name:
            raise ValueError(f"the key {each.digit} is of {other} and of {name} | Give each another.")
    return transfers


def _public(value: str) -> str:
    parts = urlsplit(value)
    if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
        raise ValueError(f"{value!r} is no address of ours | As Twilio calls it, e.g. https://talk.example.org.")
    return value.rstrip("/")


def _uuids(called: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, extension in called.items():
        try:
            found[str(UUID(name))] = extension
        except ValueError:
            raise ValueError(f"{name!r} is no UUID | As the dialplan has it: AudioSocket(UUID,host:port).") from None
    return found


class TwilioSettings(SettingsSection):
    """Calls that come as Twilio media streams, through the web server."""

    auth_token: SecretStr | None = Field(
        default=None, description="The account's auth token, which signs what comes; unset: no call comes from there."
    )
    public_url: Annotated[str, AfterValidator(_public)] = Field(
        default="", description="Where Twilio reaches this server, e.g. https://talk.example.org."
    )
    account_sid: str = Field(
        default="", pattern="^(AC[0-9a-fA-F]{32})?$",
        description="The account whose calls are taken, and by which they are transferred; empty: any that signs so.",
    )  # fmt: skip
    api_url: Annotated[str, AfterValidator(_public)] = Field(
        default="https://api.twilio.com", description="Of its REST API; other regions have others."
    )

    @property
    def token(self) -> str:
        """Empty: none."""
        return self.auth_token.get_secret_value() if self.auth_token else ""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.token and not self.public_url:
            raise ValueError(
                "Twilio signs the address that it calls, and none is set"
                " | Set phone.twilio.public_url to what stands before /phone/twilio/voice at Twilio."
            )
        return self


class AudioSocketSettings(SettingsSection):
    """Calls that an Asterisk brings over AudioSocket. It knows no passwords: who may connect is said by address."""

    listen: Annotated[str, AfterValidator(lambda value: value and _listen(value))] = Field(
        default="", description="Where it listens, e.g. 127.0.0.1:9019; empty: nowhere."
    )
    allow: Networks = Field(
        default=(), description="Addresses and networks that may connect; empty: this machine alone."
    )
    called: Annotated[dict[str, str], AfterValidator(_uuids)] = Field(
        default={}, description="The extension that a UUID of the dialplan stands for."
    )

    @property
    def host(self) -> str:
        """Where it listens."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The same."""
        return int(self.listen.rpartition(":")[2] or 0)


class PhoneSettings(SettingsSection):
    """The phone line."""

    listen: Annotated[str, AfterValidator(_listen)] = Field(
        default="127.0.0.1:5060",
        description="Where it listens: host and port; port 0 takes a free one. 0.0.0.0 is IPv4, [::] IPv6 alone.",
    )
    transport: Transports = Field(default=("udp",), min_length=1, description="What it listens by: udp, tcp, tls.")
    tls_port: int = Field(default=5061, ge=0, le=65_535, description="Of TLS.")
    tls_cert: WrittenPath | None = Field(default=None, description="Its certificate, a file (PEM).")
    tls_key: WrittenPath | None = Field(default=None, description="The key of that, a file (PEM).")
    tls_ca: WrittenPath | None = Field(
        default=None, description="Whose certificates are believed, a file (PEM); unset: the system's."
    )
    address: str = Field(
        default="", description="The address that others reach it by, behind a NAT; empty: that of the network card."
    )
    media_ports: Annotated[tuple[int, int], BeforeValidator(as_list)] = Field(
        default=(16_384, 16_783), description="The first and the last port of sound; two for each call."
    )
    codecs: Formats = Field(
        default=("opus", "g722", "pcma", "pcmu"), min_length=1, description="What it speaks, the best first."
    )
    encrypt: bool = Field(default=False, description="Calls without encrypted sound (SDES) are refused.")
    places: int = Field(default=10, ge=1, le=1000, description="Calls at once; one more is told to try again (503).")
    retry_seconds: int = Field(default=10, ge=1, le=3600, description="When to, as it is told.")
    answers: bool = Field(
        default=True, description="Calls that come in are taken; without it the line only calls, and registers nowhere."
    )
    allow: Networks = Field(
        default=(),
        description="Addresses and networks that may call, beside the registrars of its accounts; empty: everybody.",
    )
    callers: dict[str, CallerSettings] = Field(
        default={},
        description="Who may call with a password, a table for each; none: without one. A registrar needs none.",
    )
    digest: Digests = Field(
        default=("sha-256", "md5"),
        min_length=1,
        description="How it is proved, the best first; old telephones (baresip 1.0) give up unless it is md5 alone.",
    )
    extensions: dict[str, AnswerSettings] = Field(
        default={}, description="What can be called, a table for each; none: whatever is called."
    )
    accounts: tuple[AccountSettings, ...] = Field(
        default=(), description="Extensions at a PBX, each under [[phone.accounts]]."
    )
    persona: str = Field(default="phone", min_length=1, description="Who answers: a character or persona.")
    greeting: str = Field(
        default="", max_length=600, description="What it says first, at once; empty: it thinks of something."
    )
    announce: str = Field(default="", max_length=600, description="What is said before, e.g. that it is a machine.")
    announce_operator: str = Field(
        default="", max_length=600, description="What is said when an operator takes a call over; empty: nothing is."
    )
    duplex: Literal["full", "half"] = Field(
        default="full", description="half: it hears nothing while it speaks; for lines that echo."
    )
    dialogue: Turns = Field(default={}, description="How turns are taken on the line: any key of [dialogue].")
    record: WrittenPath | None = Field(
        default=None, description="A folder for recordings: caller left, character right."
    )
    record_format: Literal["opus", "wav"] = Field(default="opus", description="Of a recording.")
    remember: Remembered = Field(
        default="nothing",
        description="Of callers with a number: calls (what was heard is in the store), callers (and what they tell is"
        " known on their next call); nothing, unless you say so.",
    )
    transfers: Annotated[dict[str, TransferSettings], AfterValidator(_by_name)] = Field(
        default={}, description="Where a call may be handed over, a table for each."
    )
    tools: bool = Field(
        default=True, description="The model that thinks may hand over, hang up and press keys by itself."
    )
    silence_seconds: float = Field(
        default=30.0, ge=5, le=600, description="A caller who is silent for so long is said goodbye to."
    )
    lost_seconds: float = Field(
        default=30.0, ge=2, le=600, description="A call without any packet for so long, or an answer, is over."
    )
    ring_seconds: float = Field(default=60.0, ge=5, le=180, description="Whom we call is let ring for so long.")
    transfer_seconds: float = Field(default=30.0, ge=5, le=180, description="For a transfer to reach somebody.")
    drain_seconds: float = Field(
        default=10.0, ge=0, le=14, description="At a shutdown, for calls to end with a goodbye."
    )
    twilio: TwilioSettings = Field(default=TwilioSettings(), description="Calls from Twilio.")
    audiosocket: AudioSocketSettings = Field(default=AudioSocketSettings(), description="Calls from an Asterisk.")

    @property
    def host(self) -> str:
        """Where it listens."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """Of UDP and TCP."""
        return int(self.listen.rpartition(":")[2])

    @property
    def loopback(self) -> bool:
        """Only this machine can reach it."""
        return is_loopback(self.host)

    @property
    def few_ports(self) -> str:
        """What is wrong where there are more places than ports for the sound of as many calls; empty: nothing is."""
        first, last = self.media_ports
        pairs = (last - first - first % 2 + 1) // 2  # a call has an even one and the next
        if pairs >= self.places:
            return ""
        return (
            f"phone.media_ports has ports for the sound of {pairs} calls, and there are {self.places} places: further"
            " calls are sent away. Widen it (two for each call), or lower phone.places."
        )

    def secrets(self) -> tuple[str, ...]:
        """What may appear nowhere."""
        return tuple(
            filter(None, (*(each.secret for each in (*self.accounts, *self.callers.values())), self.twilio.token))
        )

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if self.answers and not self.loopback and not self.allow and not self.callers:
            raise ValueError(
                f"listening on {self.host} lets everybody call, and nobody is named who may"
                " | Set phone.allow to the address of your PBX, or give callers passwords: [phone.callers.NAME]."
            )
        kind, other = (6, "0.0.0.0") if ":" in self.host else (4, "[::]")
        if self.answers and self.allow and not any(ip_network(one, strict=False).version == kind for one in self.allow):
            raise ValueError(
                f"listening on {self.host} it hears IPv{kind} alone, and phone.allow names nobody who calls by that"
                f" | Set phone.listen to {other}:{self.port}, or allow IPv{kind} addresses."
            )
        if "tls" in self.transport and (self.tls_cert is None or self.tls_key is None):
            raise ValueError("TLS wants a certificate and its key | Set phone.tls_cert and phone.tls_key.")
        first, last = self.media_ports
        if not 1024 <= first < last <= 65_535 or last - first < 3:
            raise ValueError(f"{first} to {last} are no ports for sound | E.g. media_ports = [16384, 16783].")
        names = [account.user for account in self.accounts]
        if len(set(names)) < len(names):
            raise ValueError("two accounts have one user | Name each extension once; list further registrars in it.")
        return self
