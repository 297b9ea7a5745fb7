"""espeak-ng's shared library through ctypes (its speak_lib.h, API revision 12, espeak-ng 1.52).

The library holds one global voice and one global text: one instance a process, used by one thread. It is GPL-3, so only
the worker process (:mod:`duologue.speech.espeak.worker`) loads it. Every return code is checked.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from difflib import get_close_matches
from typing import TypeAlias

from duologue.errors import InputError, PeerError
from duologue.speech.espeak.messages import EventKind, SpeechEvent, VoiceSpec

_SYNCHRONOUS = 2
_BUFFER_MS = 20
_PHONEME_EVENTS = 0x0001
_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_POSITION_CHARACTER = 1
_LIST_END = 0
_SEED = 1
_RATE, _VOLUME, _PITCH, _RANGE, _WORD_GAP = 1, 2, 3, 4, 7
_NAMES, _IPA = 0, 2
_SEPARATOR = "\x01"
_APART = ord(_SEPARATOR) << 8
_LINK = ";"
_STATUS = {
    1: "buffer full", 2: "not found", 0x100000FF: "undefined", 0x100001FF: "wrong data version", 0x100002FF: "no audio",
    0x100006FF: "phoneme file missing", 0x10000AFF: "the voice data cannot be read",
}  # fmt: skip

ChunkSink: TypeAlias = Callable[[bytes, tuple[SpeechEvent, ...]], bool]
"""Takes 16-bit PCM and its events; answers True to go on, False to stop."""


_EVENT = struct.Struct("@iIiiiiP8s")
"""espeak_EVENT: type, unique_identifier, text_position, length, audio_position, sample, user_data, id."""


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),  # priority byte + NUL-terminated name, repeated; a zero priority ends it
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


def _prototypes(library: ctypes.CDLL) -> None:
    pointer, number, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
    library.espeak_Initialize.argtypes = (number, number, text, number)
    library.espeak_SetSynthCallback.argtypes = (_CALLBACK,)
    library.espeak_SetSynthCallback.restype = None
    library.espeak_ListVoices.argtypes = (ctypes.POINTER(_Voice),)
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    library.espeak_SetVoiceByName.argtypes = (text,)
    library.espeak_SetParameter.argtypes = (number, number, number)
    library.espeak_Info.argtypes = (ctypes.POINTER(text),)
    library.espeak_Info.restype = text
    library.espeak_Synth.argtypes = (
        text, ctypes.c_size_t, ctypes.c_uint, number, ctypes.c_uint, ctypes.c_uint, pointer, pointer,
    )  # fmt: skip
    library.espeak_TextToPhonemes.argtypes = (ctypes.POINTER(pointer), number, number)
    library.espeak_TextToPhonemes.restype = text


class EspeakLibrary:
    """The one instance of this process. Use it from one thread.

    Errors: :class:`PeerError` when the library or its data cannot be opened or it fails, :class:`InputError` for an
    unknown voice.
    """

    def __init__(self, library_path: str, data_path: str) -> None:
        try:
            self._library = ctypes.CDLL(library_path)
        except OSError as error:
            raise PeerError(
                f"espeak-ng's library does not load: {error}",
                where=library_path,
                remedy="Install it again: pip install --force-reinstall espeakng-loader.",
            ) from error
        _prototypes(self._library)
        self.rate = self._library.espeak_Initialize(
            _SYNCHRONOUS, _BUFFER_MS, data_path.encode(), _PHONEME_EVENTS | _DONT_EXIT
        )
        if self.rate <= 0:
            raise PeerError(
                "espeak-ng does not open its data",
                where=data_path,
                remedy="Install it again: pip install --force-reinstall espeakng-loader.",
            )
        # 1.52 and later: without a seed the breath noise of some voices differs from run to run.
        if hasattr(self._library, "espeak_ng_SetRandSeed"):
            self._library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
        self._prepared: VoiceSpec | None = None
        self._sink: ChunkSink | None = None
        self._problem: BaseException | None = None
        self._callback = _CALLBACK(self._on_chunk)  # held here: the library keeps only the address
        self._library.espeak_SetSynthCallback(self._callback)
        self.version = str(self._library.espeak_Info(None), "ascii")
        self._bases, self.voices = self._list_bases()
        self._variants = {_leaf(entry[0]).lower(): _leaf(entry[0]) for entry in self._list(b"variant")}
        self.variants = tuple(sorted(self._variants.values(), key=str.lower))

    def prepare(self, voice: VoiceSpec) -> None:
        """Have ``voice`` at hand for the next line: its dictionary is read from the disk."""
        self._select(voice)
        self._prepared = voice

    def speak(self, text: str, voice: VoiceSpec, sink: ChunkSink) -> None:
        """Speak ``text``, handing each piece to ``sink`` as it is made; returns when all is made or ``sink`` said
        stop.
        """
        prepared, self._prepared = self._prepared, None
        if prepared != voice:
            self._select(voice)
        body = _encoded(text)
        self._sink, self._problem = sink, None
        try:
            status = self._library.espeak_Synth(body, len(body), 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None)
        finally:
            self._sink = None
        if self._problem is not None:
            raise self._problem
        self._check(status, "espeak_Synth")

    def spell(self, text: str, voice: str) -> tuple[tuple[str, int], ...]:
        """The phonemes (IPA) of each clause of ``text``, and how many characters had been read after it."""
        self._check(self._library.espeak_SetVoiceByName(self._base(voice).encode()), f"the voice {voice!r}")
        ipa, names = (self._clauses(text, kind) for kind in (_IPA, _NAMES))
        return tuple(
            (_linked(clause, named), reached) for (clause, reached), (named, _) in zip(ipa, names, strict=True)
        )

    def _clauses(self, text: str, kind: int) -> list[tuple[str, int]]:
        body = ctypes.create_string_buffer(_encoded(text))
        start = ctypes.addressof(body)
        place = ctypes.c_void_p(start)
        found: list[tuple[str, int]] = []
        while place:  # it is set to nothing at the end of the text
            told: bytes = self._library.espeak_TextToPhonemes(ctypes.byref(place), _CHARS_UTF8, kind | _APART)
            reached = len(text)
            if place.value:
                reached = len(body.raw[: place.value - start].decode("utf-8", "ignore"))
            found.append((told.decode("utf-8", "replace"), reached))
        return found

    def _base(self, name: str) -> str:
        base = self._bases.get(name.lower())
        if base is None:
            raise _unknown("voice", name, self.voices)
        return base

    def _select(self, voice: VoiceSpec) -> None:
        base = self._base(voice.base)
        variant = self._variants.get(voice.variant.lower(), "") if voice.variant else ""
        if voice.variant and not variant:  # espeak-ng itself says nothing and speaks without it
            raise _unknown("voice variant", voice.variant, self.variants)
        full_name = f"{base}+{variant}" if variant else base
        self._check(self._library.espeak_SetVoiceByName(full_name.encode()), f"the voice {full_name!r}")
        for parameter, value in (
            (_RATE, voice.rate), (_VOLUME, voice.volume), (_PITCH, voice.pitch),
            (_RANGE, voice.pitch_range), (_WORD_GAP, voice.gap),
        ):  # fmt: skip
            self._check(self._library.espeak_SetParameter(parameter, value, 0), f"parameter {parameter} = {value}")

    def _check(self, status: int, what: str) -> None:
        if status != 0:
            reason = _STATUS.get(status & 0xFFFFFFFF, f"status {status:#x}")
            raise PeerError(f"espeak-ng refused {what}: {reason}", remedy="Run `duologue doctor`.")

    def _on_chunk(self, wave: int | None, count: int, events: int | None) -> int:
        if self._sink is None:
            return 1
        try:
            pcm = ctypes.string_at(wave, count * 2) if wave and count > 0 else b""
            return 0 if self._sink(pcm, _read_events(events)) else 1
        except BaseException as error:  # must not unwind through C: kept, and raised again by speak()
            self._problem = error
            return 1

    def _list(self, language: bytes | None) -> list[tuple[str, str, tuple[str, ...]]]:
        wanted = None
        if language is not None:
            buffer = ctypes.create_string_buffer(language)
            wanted = ctypes.byref(_Voice(languages=ctypes.addressof(buffer)))
        table = self._library.espeak_ListVoices(wanted)
        found: list[tuple[str, str, tuple[str, ...]]] = []
        index = 0
        while table[index]:
            voice = table[index].contents
            found.append((voice.identifier.decode(), voice.name.decode(), _languages(voice.languages)))
            index += 1
        return found

    def _list_bases(self) -> tuple[dict[str, str], tuple[str, ...]]:
        """Every way to name a voice -> its identifier; and the language codes to show to a person."""
        names: dict[str, str] = {}
        codes: list[str] = []
        for identifier, name, languages in self._list(None):
            for alias in (identifier, name, *languages):
                names.setdefault(alias.lower(), identifier)
            codes.append(languages[0] if languages else identifier)
        return names, tuple(sorted(set(codes)))


def _linked(ipa: str, names: str) -> str:
    """Phonemes in one piece. The glide that links two vowels has a name, but 1.52.0 writes no IPA for it; voices were
    taught with one.
    """
    words, named = ipa.split(" "), names.split(" ")
    if len(words) != len(named):
        return ipa.replace(_SEPARATOR, "")
    return " ".join(
        _linked_word(word.split(_SEPARATOR), name.split(_SEPARATOR)) for word, name in zip(words, named, strict=True)
    )


def _linked_word(ipa: list[str], names: list[str]) -> str:
    if len(ipa) != len(names):
        return "".join(ipa)
    return "".join("ʲ" if name == _LINK and not sound else sound for sound, name in zip(ipa, names, strict=True))


def _encoded(text: str) -> bytes:
    """A NUL would end the text; a lone surrogate has no UTF-8. One character stays one, so that positions hold."""
    return text.replace("\0", " ").encode("utf-8", "replace") + b"\0"


def _leaf(identifier: str) -> str:
    return identifier.rsplit("/", 1)[-1]


def _languages(address: int | None) -> tuple[str, ...]:
    found: list[str] = []
    while address and ctypes.string_at(address, 1) != b"\0":
        name = ctypes.string_at(address + 1)
        found.append(name.decode())
        address += len(name) + 2
    return tuple(found)


def _read_events(address: int | None) -> tuple[SpeechEvent, ...]:
    found: list[SpeechEvent] = []
    while address:
        # By struct and not through the ctypes fields: faster, and typed.
        kind, _, position, _, _, sample, _, name = _EVENT.unpack(ctypes.string_at(address, _EVENT.size))
        address += _EVENT.size
        if kind == _LIST_END:
            break
        if kind == EventKind.WORD:
            found.append(SpeechEvent(EventKind.WORD, position - 1, sample))
        elif kind == EventKind.PHONEME:
            plain = bytes(name).split(b"\0", 1)[0]  # eight bytes at most, no NUL guaranteed
            found.append(SpeechEvent(EventKind.PHONEME, position - 1, sample, plain.decode("utf-8", "replace")))
    return tuple(found)


def _unknown(kind: str, name: str, known: tuple[str, ...]) -> InputError:
    near = get_close_matches(name, known, 3, 0.5)
    hint = f"Did you mean {' or '.join(near)}? " if near else ""
    return InputError(f"espeak has no {kind} {name!r}", where="voice", remedy=f"{hint}There are: {', '.join(known)}.")
