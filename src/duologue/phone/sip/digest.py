"""Digest (RFC 7616; in SIP RFC 3261, section 22, and RFC 8760), both sides: MD5 and SHA-256, ``qop=auth``.

Of several challenges the strongest that we know is answered (RFC 8760, section 2.4); we challenge with SHA-256 first,
then MD5, which most telephones speak alone. Nonces carry their time and our signature, so that a flood of strangers
costs no memory.
"""

from __future__ import annotations

import hashlib
import hmac
import random
from collections import OrderedDict
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field

from duologue.clock import SECOND
from duologue.errors import InputError
from duologue.phone.sip.header_fields import TOKEN, malformed, quoted, split, unquoted

ALGORITHMS: dict[str, Callable[[bytes], str]] = {
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
}
"""By their strength."""
NONCE_LIFE = 300 * SECOND
MAX_NONCES = 1024
MOST_PROOFS = 4
"""Challenges that one request answers: a proxy's and a server's, each once more with a nonce that is not stale."""
_QUOTED = ("username", "realm", "nonce", "uri", "response", "cnonce", "opaque", "qop", "domain")
_BARE = ("qop", "nc", "algorithm", "stale")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of one account. ``realm`` empty: whoever asks on its flow is answered."""

    username: str
    password: str = field(repr=False)
    realm: str = ""


def fields(value: str) -> tuple[str, dict[str, str]]:
    """Scheme (lower case) and parameters of a challenge or of credentials. Raises :class:`InputError`."""
    scheme, space, rest = value.strip().partition(" ")
    if not space or not TOKEN.fullmatch(scheme):
        raise malformed(value)
    found: dict[str, str] = {}
    for part in split(rest, ","):
        name, equals, text = (piece.strip() for piece in part.partition("="))
        if not equals or not TOKEN.fullmatch(name) or name.lower() in found:
            raise InputError("no digest: a parameter is broken", where="sip")
        found[name.lower()] = unquoted(text)
    return scheme.lower(), found


class Answers:
    """The client's side: answers challenges, and counts how often it used each nonce (RFC 7616, section 3.4)."""

    def __init__(self, credentials: Sequence[Credentials], random_source: random.Random) -> None:
        self._credentials = tuple(credentials)
        self._random = random_source
        self._counts: OrderedDict[str, int] = OrderedDict()

    def answer(
        self,
        challenges: Sequence[str],
        method: str,
        uri: str,
        *,
        again: bool = False,
        realms: Container[str] | None = None,
    ) -> str | None:
        """The value of ``Authorization`` for a request of ``method`` to ``uri``; None where none can be answered.

        ``again``: we had answered already. Then only ``stale`` is a reason to try once more; anything else means that
        the password is wrong. With ``realms`` no other is answered.
        """
        for algorithm in ALGORITHMS:
            for challenge in challenges:
                try:
                    scheme, asked = fields(challenge)
                except InputError:
                    continue
                if scheme != "digest" or asked.get("algorithm", "MD5").upper() != algorithm:
                    continue
                if again and asked.get("stale", "").lower() != "true":
                    continue
                if realms is not None and asked.get("realm", "") not in realms:
                    continue
                known = self._known(asked.get("realm", ""))
                if known and "nonce" in asked and (answer := self._answered(asked, algorithm, known, method, uri)):
                    return answer
        return None

    def again(self, proof: str, method: str, uri: str) -> str:
        """A proof of ours for one request more: who asked for it counts them (RFC 7616, section 3.4)."""
        _, said = fields(proof)
        known = self._known(said["realm"])
        return (known and self._answered(said, said["algorithm"], known, method, uri)) or proof

    def _known(self, realm: str) -> Credentials | None:
        return next((one for one in self._credentials if one.realm in ("", realm)), None)

    def _answered(
        self, asked: Mapping[str, str], algorithm: str, known: Credentials, method: str, uri: str
    ) -> str | None:
        offered = [one.strip().lower() for one in asked.get("qop", "").split(",") if one.strip()]
        if offered and "auth" not in offered:
            return None
        said = {
            "username": known.username, "realm": asked.get("realm", ""), "nonce": asked["nonce"], "uri": uri,
            "algorithm": algorithm,
        }  # fmt: skip
        if offered:
            count = self._counts[asked["nonce"]] = self._counts.pop(asked["nonce"], 0) + 1
            if len(self._counts) > MAX_NONCES:
                self._counts.popitem(last=False)
            said |= {"qop": "auth", "nc": f"{count:08x}", "cnonce": f"{self._random.getrandbits(64):016x}"}
        said["response"] = response(algorithm, known.password, method, said)
        if "opaque" in asked:
            said["opaque"] = asked["opaque"]
        return shown(said)


def response(algorithm: str, password: str, method: str, said: Mapping[str, str]) -> str:
    """The proof (RFC 7616, section 3.4.1; without ``qop`` as RFC 2069 had it)."""
    of = ALGORITHMS[algorithm]
    first = of(f"{said['username']}:{said['realm']}:{password}".encode())
    second = of(f"{method}:{said['uri']}".encode())
    middle = ":".join(said[name] for name in ("nonce", "nc", "cnonce", "qop")) if "qop" in said else said["nonce"]
    return of(f"{first}:{middle}:{second}".encode())


def shown(said: Mapping[str, str], *, challenge: bool = False) -> str:
    """A header's value. ``qop`` is quoted in a challenge only (RFC 7616, sections 3.3 and 3.4)."""
    bare = [name for name in _BARE if not (challenge and name == "qop")]
    parts = [f"{name}={text if name in bare or name not in _QUOTED else quoted(text)}" for name, text in said.items()]
    return f"Digest {', '.join(parts)}"


class Authority:
    """The server's side: asks who calls for the password of one of ``passwords``, to be proved by one of ``algorithms``
    (the strongest first). Some telephones know MD5 alone, and give up where anything else is offered beside it.
    """

    def __init__(
        self, realm: str, passwords: Mapping[str, str], random_source: random.Random,
        algorithms: Sequence[str] = tuple(ALGORITHMS),
    ) -> None:  # fmt: skip
        self.realm = realm
        self._algorithms = tuple(algorithms)
        self._passwords = dict(passwords)
        self._key = random_source.getrandbits(256).to_bytes(32, "big")
        self._random = random_source
        self._used: OrderedDict[str, int] = OrderedDict()

    def challenges(self, now: int, *, stale: bool = False) -> list[str]:
        """Values of ``WWW-Authenticate``, in the order of the algorithms."""
        said = {"realm": self.realm, "nonce": self._nonce(now), "qop": "auth"}
        more = {"stale": "true"} if stale else {}
        return [shown({**said, "algorithm": one, **more}, challenge=True) for one in self._algorithms]

    def check(self, values: Sequence[str], method: str, uri: str, now: int) -> tuple[str, bool]:
        """Who proved to be whom (empty: nobody), and whether the proof was right but its nonce too old or used up."""
        for value in values:
            try:
                scheme, said = fields(value)
            except InputError:
                continue
            if scheme == "digest" and said.get("realm") == self.realm and self._proven(said, method, uri):
                fresh = self._fresh(said["nonce"], now) and self._counted(said)
                return (said["username"], False) if fresh else ("", True)
        return "", False

    def _proven(self, said: Mapping[str, str], method: str, uri: str) -> bool:
        algorithm = said.get("algorithm", "MD5").upper()
        needed = ("username", "realm", "nonce", "uri", "response", "nc", "cnonce", "qop")
        if algorithm not in self._algorithms or any(name not in said for name in needed) or said["qop"] != "auth":
            return False
        if said["uri"] != uri or not self._ours(said["nonce"]):
            return False
        # A name that nobody has costs the same time as one that somebody has.
        password = self._passwords.get(said["username"], "")
        right = hmac.compare_digest(response(algorithm, password, method, said).encode(), said["response"].encode())
        return right and said["username"] in self._passwords

    def _nonce(self, now: int) -> str:
        text = f"{now:x}.{self._random.getrandbits(64):x}"
        return f"{text}.{self._signed(text)}"

    def _ours(self, nonce: str) -> bool:
        text, _, signature = nonce.rpartition(".")
        return hmac.compare_digest(self._signed(text).encode(), signature.encode())

    def _fresh(self, nonce: str, now: int) -> bool:
        return now - int(nonce.partition(".")[0], 16) <= NONCE_LIFE

    def _counted(self, said: Mapping[str, str]) -> bool:
        """Whether its count is larger than any before (RFC 7616, section 3.4: replays are noticed)."""
        try:
            count = int(said["nc"], 16)
        except ValueError:
            return False
        if count <= self._used.get(said["nonce"], 0):
            return False
        self._used[said["nonce"]] = count
        if len(self._used) > MAX_NONCES:
            self._used.popitem(last=False)
        return True

    def _signed(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()[:32]
