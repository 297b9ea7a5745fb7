"""Phoneme names of three alphabets, and the mouth each sound asks for.

A name is first read into ARPAbet sounds (one name may hold several: espeak's ``aI@`` is a diphthong and a schwa),
then a sound into a :class:`Demand`. Shapes are those of Rhubarb Lip Sync: A closed, B clenched teeth, C open, D wide
open, E rounded, F puckered, G teeth on the lip, H tongue up, X rest.

espeak-ng's names are those of its ``phsource`` (the Kirshenbaum-like mnemonics of ``espeak-ng -x``): a base, then marks
of length (``:``), variant (``2``, ``#``, ``^``, ``-``) and palatalisation (``;``), which the mouth does not show.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from duologue.stage.motion.pose import Mouth

A, B, C, D, E, F, G, H, X = (Mouth(letter) for letter in "ABCDEFGHX")

PAUSE = "SIL"
"""The sound of no sound."""
UNKNOWN = "?"
"""A sound that no table knows: it takes its neighbours' shape."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a sound asks of the mouth.

    ``glides`` are the shapes it passes through, each with its share of the time. A vowel is what syllables are
    counted by. ``also`` are shapes that serve as well when a neighbour shows one; ``closure`` sounds cannot be heard
    with open lips. ``release`` is the share of the sound after which the lips are free again (a burst of P opens
    before it ends).
    """

    glides: tuple[tuple[Mouth, float], ...]
    vowel: bool = False
    also: frozenset[Mouth] = frozenset()
    closure: bool = False
    release: float = 1.0

    @property
    def shape(self) -> Mouth:
        """The first shape."""
        return self.glides[0][0]


def _vowel(first: Mouth, second: Mouth | None = None) -> Demand:
    """A vowel; a diphthong spends 60 % of its time on its first shape."""
    return Demand(((first, 1.0),) if second is None else ((first, 0.6), (second, 0.4)), vowel=True)


def _consonant(shape: Mouth, *also: Mouth) -> Demand:
    return Demand(((shape, 1.0),), also=frozenset(also))


_ANY = (B, C, D, E, F, H)
_TEETH = _consonant(B, F)
_BACK = _consonant(B, C, E, F, H)
DEMANDS: dict[str, Demand] = {
    "AA": _vowel(D), "AE": _vowel(C), "AH": _vowel(C), "AO": _vowel(E), "EH": _vowel(C), "ER": _vowel(E),
    "IH": _vowel(B), "IY": _vowel(B), "UH": _vowel(E), "UW": _vowel(F), "AX": _vowel(C), "OE": _vowel(F),
    "AW": _vowel(D, F), "AY": _vowel(D, B), "EY": _vowel(C, B), "OW": _vowel(E, F), "OY": _vowel(E, B),
    "P": Demand(((A, 1.0),), closure=True, release=0.6), "B": Demand(((A, 1.0),), closure=True, release=0.6),
    "M": Demand(((A, 1.0),), closure=True), "F": _consonant(G), "V": _consonant(G),
    "L": _consonant(H), "W": _consonant(F),
    "T": _TEETH, "D": _TEETH, "N": _TEETH, "S": _TEETH, "Z": _TEETH, "TH": _TEETH, "DH": _TEETH, "Y": _consonant(B, F),
    "SH": _consonant(B, E, F), "ZH": _consonant(B, E, F), "CH": _consonant(B, E, F), "JH": _consonant(B, E, F),
    "R": _consonant(B, E, F), "K": _BACK, "G": _BACK, "NG": _BACK,
    "HH": _consonant(C, *_ANY), "Q": _consonant(B, *_ANY), UNKNOWN: _consonant(B, *_ANY), PAUSE: _consonant(X),
}  # fmt: skip
"""Every sound there is; ARPAbet's names, with AX (schwa), OE (rounded front vowels) and Q (glottal stop) added."""

_ESPEAK: dict[str, tuple[str, ...]] = {
    # diphthongs and triphthongs
    "aI": ("AY",), "aU": ("AW",), "eI": ("EY",), "oU": ("OW",), "@U": ("OW",), "OI": ("OY",), "OY": ("OY",),
    "aY": ("OY",),
    "aI@": ("AY", "AX"), "aU@": ("AW", "AX"), "aI3": ("AY", "ER"), "aU3": ("AW", "ER"), "EI": ("EY",), "Oi": ("OY",),
    # rhotics: vowels with an r in them
    "A@": ("AA", "R"), "O@": ("AO", "R"), "o@": ("AO", "R"), "e@": ("EH", "R"), "E@": ("EH", "R"), "i@": ("IY", "AX"),
    "i@3": ("IY", "ER"), "I@": ("IH", "AX"), "U@": ("UH", "R"), "u@": ("UW", "R"), "@r": ("ER",), "3:r": ("ER",),
    "3": ("ER",), "3:": ("ER",), "VR": ("ER",), "IR": ("IH", "R"),
    # syllabic consonants
    "@L": ("AX", "L"), "@l": ("AX", "L"), "n-": ("AX", "N"), "m-": ("AX", "M"), "@N": ("AX", "N"), "@M": ("AX", "M"),
    # plain vowels
    "a": ("AE",), "aa": ("AE",), "a#": ("AH",), "A": ("AA",), "&": ("AE",), "0": ("AA",), "V": ("AH",), "@": ("AX",),
    "E": ("EH",), "e": ("EH",), "i": ("IY",), "I": ("IH",), "O": ("AO",), "o": ("AO",), "u": ("UW",), "U": ("UH",),
    "8": ("UH",), "y": ("OE",), "Y": ("OE",), "W": ("OE",), "Q": ("AA",),
    # consonants
    "p": ("P",), "b": ("B",), "m": ("M",), "f": ("F",), "v": ("V",), "B": ("V",), "l": ("L",), "K": ("L",), "L": ("L",),
    "w": ("W",), "w#": ("W",), "t": ("T",), "d": ("D",), "n": ("N",), "n^": ("N",), "s": ("S",), "z": ("Z",),
    "T": ("TH",), "D": ("DH",), "S": ("SH",), "Z": ("ZH",), "tS": ("CH",), "dZ": ("JH",), "ts": ("T", "S"),
    "pF": ("P", "F"), "j": ("Y",), "J": ("Y",), "r": ("R",), "R": ("R",), "*": ("D",), "k": ("K",), "g": ("G",),
    "N": ("NG",), "x": ("K",), "Q^": ("G",), "X": ("K",), "C": ("SH",), "h": ("HH",), "H": ("HH",), "?": ("Q",),
}  # fmt: skip
_ESPEAK_MODIFIERS = ":;~#^-\"'%=,|!.123456789`\\"

_IPA: dict[str, tuple[str, ...]] = {
    "aɪ": ("AY",), "aʊ": ("AW",), "eɪ": ("EY",), "oʊ": ("OW",), "əʊ": ("OW",), "ɔɪ": ("OY",), "ɔʏ": ("OY",),
    "tʃ": ("CH",), "dʒ": ("JH",), "ɚ": ("ER",), "ɝ": ("ER",), "ɜ": ("ER",), "əl": ("AX", "L"),
    "a": ("AE",), "æ": ("AE",), "ɐ": ("AH",), "ɑ": ("AA",), "ɒ": ("AA",), "ʌ": ("AH",), "ə": ("AX",), "ɘ": ("AX",),
    "ᵻ": ("IH",), "ɛ": ("EH",), "e": ("EH",), "i": ("IY",), "ɪ": ("IH",), "ɨ": ("IH",), "ɔ": ("AO",), "o": ("AO",),
    "u": ("UW",), "ʊ": ("UH",), "ʉ": ("UW",), "ɵ": ("UH",), "y": ("OE",), "ʏ": ("OE",), "ø": ("OE",), "œ": ("OE",),
    "p": ("P",), "b": ("B",), "m": ("M",), "ɱ": ("M",), "f": ("F",), "v": ("V",), "β": ("V",), "ʋ": ("V",), "ɸ": ("F",),
    "l": ("L",), "ɫ": ("L",), "ʎ": ("L",), "ɬ": ("L",), "w": ("W",), "ʍ": ("W",), "ɥ": ("W",), "t": ("T",), "d": ("D",),
    "ɾ": ("D",), "n": ("N",), "ɲ": ("N",), "s": ("S",), "z": ("Z",), "θ": ("TH",), "ð": ("DH",), "ʃ": ("SH",),
    "ʒ": ("ZH",), "ç": ("SH",), "j": ("Y",), "r": ("R",), "ɹ": ("R",), "ɻ": ("R",), "ʁ": ("R",), "ʀ": ("R",),
    "k": ("K",), "ɡ": ("G",), "g": ("G",), "x": ("K",), "χ": ("K",), "ɣ": ("G",), "ŋ": ("NG",), "h": ("HH",),
    "ɦ": ("HH",), "ʔ": ("Q",),
}  # fmt: skip
_IPA_MODIFIERS = "ːˑˈˌ͡‿̩̯̃ʰʲʷ˞ʼ. "


@lru_cache(maxsize=1024)
def sounds(name: str, alphabet: str) -> tuple[str, ...]:
    """The ARPAbet sounds that a phoneme's ``name`` holds; names that no table knows give :data:`UNKNOWN`.

    ``alphabet`` is ``"espeak"``, ``"ipa"`` or ``"arpabet"``.
    """
    name = name.strip()
    if not name or name[0] in "_|(" or name.upper() in {PAUSE, "SP", "SPN", "PAU"}:
        return (PAUSE,)
    match alphabet:
        case "espeak":
            return _read(name.lstrip("',%="), _ESPEAK, _ESPEAK_MODIFIERS)
        case "ipa":
            return _read(name.replace("͡", ""), _IPA, _IPA_MODIFIERS)
        case _:
            base = name.upper().rstrip("012")
            return (base,) if base in DEMANDS else (UNKNOWN,)


def _read(name: str, table: dict[str, tuple[str, ...]], modifiers: str) -> tuple[str, ...]:
    """Split by the longest names first; what only modifies a sound is passed over."""
    found: list[str] = []
    position = 0
    while position < len(name):
        for length in (3, 2, 1):
            piece = name[position : position + length]
            # a digit after a letter is a variant of it, alone it is a vowel
            if piece in table and not (found and piece[0].isdigit()):
                found += table[piece]
                position += len(piece)
                break
        else:
            if name[position] not in modifiers and not found:
                found.append(UNKNOWN)
            position += 1
    return tuple(found) or (UNKNOWN,)
