"""Sentences with one phoneme wrong: which, and how voices are made to say them. Pure but for :func:`main`, which
renders what it is given in a process of its own, for espeak-ng is GPL:
``python -m benchmarks.tutor.sounds FOLDER < wishes.json``.

A voice is ``espeak:en-us+m3``, ``piper:en_US-joe-medium`` or ``kokoro:af_heart``.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

VOWELS = {
    "AA": ("ɑː", "A:"), "AE": ("æ", "a"), "AH": ("ʌ", "V"), "AO": ("ɔː", "O:"), "AW": ("aʊ", "aU"), "AY": ("aɪ", "aI"),
    "EH": ("ɛ", "E"), "ER": ("ɜː", "3:"), "EY": ("eɪ", "eI"), "IH": ("ɪ", "I"), "IY": ("iː", "i:"), "OW": ("oʊ", "oU"),
    "OY": ("ɔɪ", "OI"), "UH": ("ʊ", "U"), "UW": ("uː", "u:"),
}  # fmt: skip
CONSONANTS = {
    "B": ("b", "b"), "CH": ("tʃ", "tS"), "D": ("d", "d"), "DH": ("ð", "D"), "F": ("f", "f"), "G": ("ɡ", "g"),
    "HH": ("h", "h"), "JH": ("dʒ", "dZ"), "K": ("k", "k"), "L": ("l", "l"), "M": ("m", "m"), "N": ("n", "n"),
    "NG": ("ŋ", "N"), "P": ("p", "p"), "R": ("ɹ", "r"), "S": ("s", "s"), "SH": ("ʃ", "S"), "T": ("t", "t"),
    "TH": ("θ", "T"), "V": ("v", "v"), "W": ("w", "w"), "Y": ("j", "j"), "Z": ("z", "z"), "ZH": ("ʒ", "Z"),
}  # fmt: skip
PHONES = VOWELS | CONSONANTS
"""ARPAbet -> IPA as Piper and Kokoro read it, and espeak-ng's own name."""
TYPICAL = {
    "TH": ("S", "T", "F"), "DH": ("D", "Z"), "V": ("W", "F"), "W": ("V",), "R": ("L",), "L": ("R",), "IH": ("IY",),
    "IY": ("IH",), "AE": ("EH",), "EH": ("AE",), "AH": ("AE", "AA"), "SH": ("S",), "S": ("SH",), "CH": ("SH",),
    "JH": ("CH",), "Z": ("S",), "B": ("P",), "D": ("T",), "G": ("K",), "NG": ("N",), "UW": ("UH",), "UH": ("UW",),
    "OW": ("AO",), "EY": ("EH",), "ER": ("EH",), "AO": ("OW",), "P": ("B",), "K": ("G",), "F": ("P",),
}  # fmt: skip
"""What learners say instead."""
LIKE = ({"AA", "AO"}, {"AH", "IH"}, {"AH", "UH"}, {"T", "D"})
"""What speakers of English exchange: neither is wrong for the other."""
_STRESS = "ˈˌ',%="


@dataclass(frozen=True)
class Wish:
    """A sentence to be rendered, as written words; the phoneme ``place`` (of those that can be exchanged) of word
    ``word`` shall be ``instead`` (ARPAbet). -1: all as they should be.
    """

    text: str
    word: int = -1
    place: int = -1
    instead: str = ""


def units(word: str, alphabet: int) -> list[tuple[str, str]]:
    """The pieces of a word in an alphabet (0 IPA, 1 espeak-ng's): each, and what it is in ARPAbet (empty: something
    else: stress, an unstressed vowel, …).
    """
    known = sorted(((names[alphabet], phone) for phone, names in PHONES.items()), key=lambda pair: -len(pair[0]))
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(word):
        piece, phone = next(((p, a) for p, a in known if word.startswith(p, at)), (word[at], ""))
        found.append((piece, phone))
        at += len(piece)
    return found


def exchanged(word: str, alphabet: int, place: int, instead: str) -> str:
    """The word with another phoneme in a place of those that can be exchanged."""
    pieces = units(word, alphabet)
    known = [index for index, (_, phone) in enumerate(pieces) if phone]
    pieces[known[place]] = (PHONES[instead][alphabet], instead)
    return "".join(piece for piece, _ in pieces)


def others(phone: str) -> list[str]:
    """All phonemes of the same kind that are wrong for it."""
    kind = VOWELS if phone in VOWELS else CONSONANTS
    like = {other for kin in LIKE if phone in kin for other in kin} | {phone}
    return [other for other in kind if other not in like]


def wrongs(words: Sequence[str], alphabet: int, count: int, seed: str, *, typical: bool) -> list[tuple[int, int, str]]:
    """``count`` ways to say one phoneme of the sentence's words wrong: word, place, phoneme instead."""
    drawn = Random(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]))
    choices: list[tuple[int, int, str]] = []
    for number, word in enumerate(words):
        phones = [phone for _, phone in units(word, alphabet) if phone]
        for place, phone in enumerate(phones):
            found = [p for p in TYPICAL.get(phone, ()) if p in others(phone)] if typical else others(phone)
            if found:
                choices.append((number, place, drawn.choice(found)))
    drawn.shuffle(choices)
    chosen: list[tuple[int, int, str]] = []
    for choice in choices:  # of as many words as there are
        if len(chosen) < count and choice[0] not in [word for word, _, _ in chosen]:
            chosen.append(choice)
    return (chosen + [choice for choice in choices if choice not in chosen])[:count]


# Rendering, in a process of its own

Say = Callable[[str], tuple[Any, int]]
"""A line of phonemes as samples and their rate."""


def _espeak(variant: str) -> tuple[Callable[[str], list[str]], Say, int]:
    loader: Any = import_module("espeakng_loader")
    library_class: Any = import_module("duologue.speech.espeak.library").EspeakLibrary
    spec: Any = import_module("duologue.speech.espeak.messages").VoiceSpec
    library = library_class(loader.get_library_path(), loader.get_data_path())
    base, _, name = variant.partition("+")
    voice = spec(base=base, variant=name, rate=155, volume=90, pitch=50, pitch_range=50, gap=0)
    raw = library._library

    def words(text: str) -> list[str]:
        library._select(voice)
        told: list[str] = [str(clause) for clause, _ in library._clauses(text, 0)]
        return " ".join(told).replace("\x01", "").split()

    def say(line: str) -> tuple[Any, int]:
        library._select(voice)
        parts: list[bytes] = []

        def take(pcm: bytes, events: object) -> bool:
            parts.append(pcm)
            return True

        library._sink, library._problem = take, None
        body = f"[[{line}]]".encode() + b"\0"
        raw.espeak_Synth(ctypes.c_char_p(body), len(body), 0, 1, 0, 0x101, None, None)
        library._sink = None
        return np.frombuffer(b"".join(parts), np.int16).astype(np.float32) / 32768, library.rate

    return words, say, 1


def _ipa_words(variant: str) -> Callable[[str], list[str]]:
    loader: Any = import_module("espeakng_loader")
    library_class: Any = import_module("duologue.speech.espeak.library").EspeakLibrary
    library = library_class(loader.get_library_path(), loader.get_data_path())

    def words(text: str) -> list[str]:
        told: list[str] = [str(word) for word, _ in library.spell(text, variant)]
        return " ".join(told).split()

    return words


def _piper(name: str, folder: Path) -> tuple[Callable[[str], list[str]], Say, int]:
    clause: Any = import_module("duologue.speech.espeak.clauses").Clause
    line_class: Any = import_module("duologue.speech.piper.line").PiperLine
    options = {"folder": str(folder / "piper-joe"), "voices": (name.partition("?")[0],), "length_scale": None}
    model: Any = import_module("duologue.speech.piper.model").load(options)

    def say(line: str) -> tuple[Any, int]:
        wished = line_class(line, (clause(line, ".", True, 0, len(line)),), ())
        return np.concatenate([samples for samples, _ in model.say(wished, name, 0)]), model.rate

    return _ipa_words("en-us"), say, 0


def _kokoro(name: str, folder: Path) -> tuple[Callable[[str], list[str]], Say, int]:
    model: Any = import_module("duologue.speech.kokoro.model").load(
        {
            "model": str(folder / "kokoro" / "kokoro-v1.0.int8.onnx"), "language": "en-us", "speed": 1.0, "threads": 1,
            "voices": str(folder / "kokoro" / "voices-v1.0.bin"),
        }
    )  # fmt: skip
    kokoro = model._kokoro

    def words(text: str) -> list[str]:
        return str(kokoro.tokenizer.phonemize(text, "en-us")).split()

    def say(line: str) -> tuple[Any, int]:
        samples, rate = kokoro.create(line, voice=name, speed=0.95, lang="en-us", is_phonemes=True)
        return np.asarray(samples, np.float32), int(rate)

    return words, say, 0


def speaker(voice: str, folder: Path) -> tuple[Callable[[str], list[str]], Say, int]:
    """Of a voice: the words of a text in phonemes, how it says a line of them, and their alphabet."""
    engine, _, name = voice.partition(":")
    if engine == "espeak":
        return _espeak(name)
    return _piper(name, folder) if engine == "piper" else _kokoro(name, folder)


def plan(
    voice: str, texts: Sequence[str], count: int, words: Callable[[str], list[str]], alphabet: int
) -> Iterator[Wish]:
    """Each text as it should be, and ``count`` times with a phoneme wrong: half of any kind, half typical."""
    for text in texts:
        phonemes = words(text)
        yield Wish(text)
        if len(phonemes) != len(text.split()):  # it runs words together: which is which is not known
            continue
        for typical in (False, True):
            seed = f"{voice}/{text}/{typical}"
            for number, place, instead in wrongs(phonemes, alphabet, (count + 1) // 2, seed, typical=typical):
                yield Wish(text, number, place, f"{instead}{'*' if typical else ''}")


def main() -> None:
    """Render ``{"voice", "texts", "count", "models"}`` into FOLDER, one file for each sentence; tells their names."""
    folder = Path(sys.argv[1])
    asked: dict[str, Any] = json.load(sys.stdin)
    voice: str = asked["voice"]
    words, say, alphabet = speaker(voice, Path(asked["models"]))
    told: list[dict[str, Any]] = []
    for wish in plan(voice, asked["texts"], asked["count"], words, alphabet):
        phonemes = words(wish.text)
        if wish.word >= 0:
            phonemes[wish.word] = exchanged(phonemes[wish.word], alphabet, wish.place, wish.instead.rstrip("*"))
        line = " ".join(phonemes)
        name = hashlib.sha256(f"2/{voice}/{line}".encode()).hexdigest()[:20]
        file = folder / f"{name}.npz"
        if not file.is_file():
            samples, rate = say(line)
            np.savez(file, pcm=np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16), rate=rate)
        told.append({"text": wish.text, "word": wish.word, "instead": wish.instead, "line": line, "file": str(file)})
        sys.stderr.write(".")
        sys.stderr.flush()
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
