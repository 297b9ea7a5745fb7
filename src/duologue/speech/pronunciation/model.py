"""What PocketSphinx' acoustic model says of every frame of a sound, and which of its states belong to which phone.

PocketSphinx computes it and writes it down for who asks (``senlogdir`` with ``compallsen``): for each frame the score
of every senone, a state that phones in like contexts share. Which those are stands in the model's definition
(``mdef``, in the package's wheel): a binary file whose layout it tells itself. Imported by the worker only.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from duologue.errors import PeerError
from duologue.speech.pronunciation.goodness import SILENCE, STATES, Scores

_MAGIC, _ORDER = b"BMDF", 0x11223344
_INSIDE, _BEGINS, _ENDS, _ALONE = 0, 1, 2, 3
_BITS = 6
"""Of a phone's number in a key."""
_SHIFT = 1024
"""Senone scores are whole numbers of so many steps of the log's base."""
_NODE, _ENTRY = 8, 12
_COUNTS = 10


class SphinxModels:
    """See :class:`~duologue.speech.pronunciation.goodness.PhoneModels`. ``file`` is the model's ``mdef``.

    Raises :class:`PeerError` for one of another kind.
    """

    def __init__(self, file: Path) -> None:
        data = file.read_bytes()
        if data[:4] != _MAGIC:
            raise PeerError("PocketSphinx' model is of a kind that is not known", where=str(file))
        at = 12 + int(np.frombuffer(data, "<i4", 1, 8)[0])
        counts = [int(number) for number in np.frombuffer(data, "<i4", _COUNTS, at)]
        names, phones, states, self.count = counts[0], counts[1], counts[2], counts[4]
        sequences, nodes = counts[6], counts[8]
        if states != STATES or names >= 1 << _BITS:
            raise PeerError(f"PocketSphinx' model has {states} states a phone and {names} phones", where=str(file))
        at += 4 * _COUNTS
        self._names: list[str] = []
        begin = at
        for _ in range(names):
            end = data.index(b"\0", at)
            self._names.append(data[at:end].decode("ascii"))
            at = end + 1
        at = begin + (at - begin + 3 & ~3) + _NODE * nodes
        table = np.frombuffer(data, np.dtype([("sequence", "<i4"), ("matrix", "<i4"), ("of", "u1", 4)]), phones, at)
        at += _ENTRY * phones + 4
        self._senones = np.frombuffer(data, "<u2", sequences * states, at).reshape(-1, states).astype(np.int64)
        self._alone = table["sequence"][:names].astype(np.int64)
        self._filler = table["of"][:names, 0] != 0
        self._number = {name: number for number, name in enumerate(self._names)}
        of = table["of"][names:].astype(np.int64)
        keys = _key(of[:, 1], of[:, 2], of[:, 3], of[:, 0])
        order = np.argsort(keys)
        self._keys, self._sequences = keys[order], table["sequence"][names:][order].astype(np.int64)

    @property
    def phones(self) -> tuple[str, ...]:
        """All that can be said."""
        return tuple(
            name for name, filler in zip(self._names, self._filler, strict=True) if not filler and name != SILENCE
        )

    def senones(self, phone: str, left: str, right: str, first: bool, last: bool) -> NDArray[np.int64]:
        """Of the phone in this context; where the model does not have it, in another place of a word, then alone."""
        return _cached(self, phone, left, right, first, last)

    def find(self, phone: str, left: str, right: str, first: bool, last: bool) -> NDArray[np.int64]:
        """The same, looked up."""
        number = self._number[phone]
        if self._filler[number] or phone == SILENCE:
            return self._senones[self._alone[number]]
        own = (_INSIDE, _BEGINS, _ENDS, _ALONE)[first + 2 * last]
        sides = [(self._side(left), self._side(right))]
        silent = self._number[SILENCE]
        sides += [(silent, sides[0][1]), (sides[0][0], silent)]
        for before, after in sides:
            for place in (own, _INSIDE, _BEGINS, _ENDS, _ALONE):
                key = _key(number, before, after, place)
                at = int(np.searchsorted(self._keys, key))
                if at < len(self._keys) and self._keys[at] == key:
                    return self._senones[self._sequences[at]]
        return self._senones[self._alone[number]]

    def _side(self, phone: str) -> int:
        number = self._number[phone]
        return self._number[SILENCE] if self._filler[number] else number

    def read(self, file: Path) -> Scores:
        """The scores that PocketSphinx has written of a sound: (frames, senones), nats, 0 for a frame's best.

        Raises :class:`PeerError` for a file of another kind.
        """
        data = file.read_bytes()
        head, mark, body = data.partition(b"endhdr\n")
        fields = dict(line.split(" ", 1) for line in head.decode("utf-8", "replace").splitlines() if " " in line)
        if not mark or int(fields.get("n_sen", "0")) != self.count or np.frombuffer(body, "<i4", 1)[0] != _ORDER:
            raise PeerError("PocketSphinx wrote its scores in a form that is not known", where="pocketsphinx")
        row = self.count + 1
        numbers = np.frombuffer(body[4:], "<i2")
        frames = numbers[: len(numbers) // row * row].reshape(-1, row)
        if not bool((frames[:, 0] == self.count).all()):
            raise PeerError("PocketSphinx left some of its scores out", where="pocketsphinx")
        step = _SHIFT * float(np.log(float(fields["logbase"])))
        return (frames[:, 1:] * np.float32(-step)).astype(np.float32)


def _key(phone: object, left: object, right: object, place: object) -> NDArray[np.int64]:
    sides = [np.asarray(each, np.int64) for each in (phone, left, right, place)]
    return ((sides[0] << 2 * _BITS) + (sides[1] << _BITS) + sides[2] << 2) + sides[3]


@cache
def _cached(models: SphinxModels, phone: str, left: str, right: str, first: bool, last: bool) -> NDArray[np.int64]:
    return models.find(phone, left, right, first, last)
