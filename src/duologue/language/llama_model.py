"""A GGUF in memory, through llama-cpp-python. Imported by the worker of the engine `llama` only.

The library's own streaming waits for valid UTF-8, so one stray byte token holds it to the end, and it reads a prompt in
one go. Here tokens are drawn one by one, and a prompt is read in portions, so that whoever is more urgent waits for a
portion or for some tokens. What the model has read is kept (:mod:`duologue.language.llama_seats`):
of the next prompt that begins alike only what differs is read.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from duologue.clock import MILLISECOND, SYSTEM_CLOCK, Clock
from duologue.errors import InputError, PeerError
from duologue.language.chat import ChatMessage
from duologue.language.llama_messages import LoadGguf, Write
from duologue.language.llama_seats import Seat, Seats
from duologue.language.llama_text import STOPS, TokenText

PORTION = 64
"""Tokens of a prompt that are read at once, at the most: beyond, reading is hardly faster."""
LEAST = 16
"""Below, a model that reads slowly would read more slowly still."""
BORDER = 150 * MILLISECOND
"""In about so long a portion is read (ns), or whoever is more urgent would wait for a large model."""
_ROOM = 64
"""Tokens that must be left for an answer."""


class LlamaWriting:
    """An answer under way: an iterator of its pieces. ``prompt`` and ``kept`` are tokens, known from the first piece
    on, ``written`` those of the answer so far; ``unbound`` tells why its schema could not bind the model; ``begun``:
    words of it were given; ``limited``: it ended for want of room.
    """

    def __init__(self, made: Callable[[LlamaWriting], Generator[str]]) -> None:
        self.prompt = self.kept = self.written = 0
        self.unbound = ""
        self.begun = self.limited = False
        self._pieces = made(self)

    def __iter__(self) -> LlamaWriting:
        return self

    def __next__(self) -> str:
        piece = next(self._pieces)
        self.begun = self.begun or bool(piece)
        return piece

    def close(self) -> None:
        """Go no further: others may have what it holds."""
        self._pieces.close()


class LlamaModel:
    """Make one with :func:`load`."""

    def __init__(self, library: Any, llama: Any, template: str, prompts: int = 1, clock: Clock = SYSTEM_CLOCK) -> None:
        self._library = library
        self._llama = llama
        self._clock = clock
        self.portion = PORTION
        """Tokens that are read at once now."""
        self.seats = Seats(llama, prompts)
        """What was read."""
        self._vocabulary = library.llama_model_get_vocab(llama.model)
        begin, end = (self._spelled(token) for token in (llama.token_bos(), llama.token_eos()))
        self._begin = begin
        self._stops = (*STOPS, end)
        self._formatter = import_module("llama_cpp.llama_chat_format").Jinja2ChatFormatter(template, end, begin)
        self._grammars: dict[str, Any] = {}

    def write(self, request: Write) -> LlamaWriting:
        """The answer in pieces; empty ones tell that a part of the prompt was read. Close it to go no further.

        Raises :class:`InputError`, with the first piece, for a conversation that the model's template refuses or its
        context cannot hold.
        """
        make = self._read if request.variant else self._written
        return LlamaWriting(lambda writing: make(request, writing))

    def _written(self, request: Write, writing: LlamaWriting) -> Generator[str]:
        tokens = self._prompt(list(request.messages))
        grammar = self._grammar(request.schema, writing)
        seat = self.seats.take(tokens)
        try:
            yield from self._portions(seat, tokens, writing)
            seat.llama.set_seed(request.seed % 2**32)
            room = min(request.max_tokens, self._llama.n_ctx() - len(tokens))
            drawn = seat.llama.generate(tokens, temp=request.temperature, grammar=grammar)
            yield from self._texts((token for _, token in zip(range(room), drawn, strict=False)), writing)
        finally:
            self.seats.give_back(seat)

    def _read(self, request: Write, writing: LlamaWriting) -> Generator[str]:
        """What both conversations begin with."""
        one, other = (self._prompt(list(messages)) for messages in (request.messages, request.variant))
        alike = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
        tokens = one[:alike]
        seat = self.seats.take(tokens)
        try:
            yield from self._portions(seat, tokens, writing)
            if tokens:
                next(seat.llama.generate(tokens, temp=0.0))  # draws a token that nobody reads
        finally:
            self.seats.give_back(seat)

    def _portions(self, seat: Seat, tokens: list[int], writing: LlamaWriting) -> Generator[str]:
        """Read a prompt but for its end, from where it differs from what was read."""
        writing.prompt, writing.kept = len(tokens), min(seat.alike(tokens), max(0, len(tokens) - 1))
        yield ""
        end = writing.kept + self.portion
        while end < len(tokens):
            began = self._clock.now()
            next(seat.llama.generate(tokens[:end], temp=0.0))  # as above
            took = max(1, self._clock.now() - began)
            self.portion = min(PORTION, max(LEAST, self.portion * BORDER // took))
            yield ""
            end += self.portion

    def _texts(self, drawn: Iterator[int], writing: LlamaWriting) -> Generator[str]:
        text = TokenText(self._stops)
        for token in drawn:
            writing.written += 1
            if self._library.llama_vocab_is_eog(self._vocabulary, token):
                break
            yield text.feed(self._llama.detokenize([token]))
            if text.stopped:
                return
        else:
            writing.limited = True
        yield text.finish()

    def _prompt(self, messages: list[ChatMessage]) -> list[int]:
        """The tokens of as much of the conversation as the context holds: the oldest lines go first."""
        limit = self._llama.n_ctx() - _ROOM
        while len(tokens := self._tokens(messages)) > limit:
            if len(messages) <= 2:
                raise InputError(
                    f"the character alone takes {len(tokens)} tokens of a context of {self._llama.n_ctx()}",
                    where="engines.llama.context", remedy=f"Set it to {len(tokens) * 2} or more.",
                )  # fmt: skip
            del messages[1]
            if messages[1]["role"] == "assistant" and len(messages) > 2:
                del messages[1]
        return tokens

    def _tokens(self, messages: list[ChatMessage]) -> list[int]:
        prompt = self._rendered(messages)
        # A template that writes the begin token itself must not get a second one.
        add_begin = not (self._begin and prompt.startswith(self._begin))
        return self._llama.tokenize(prompt.encode(), add_bos=add_begin, special=True)

    def _rendered(self, messages: list[ChatMessage]) -> str:
        """The conversation in the model's own form. Thinking aloud is switched off where a template can."""
        try:
            return self._formatter(messages=messages, enable_thinking=False).prompt
        except Exception as error:  # a template is a program of its author's: jinja2's errors, and any other
            if messages[0]["role"] != "system" or messages[1]["role"] != "user":
                where = "engines.llama.template"
                remedy = "Give a template of your own, or use another model."
                raise InputError(f"the chat template fails: {error}", where=where, remedy=remedy) from error
        first: ChatMessage = {"role": "user", "content": messages[0]["content"] + "\n\n" + messages[1]["content"]}
        return self._rendered([first, *messages[2:]])

    def _grammar(self, schema: str, writing: LlamaWriting) -> Any:
        """The grammar of a schema; None where the library knows none: the prompt asks for the form as well."""
        if schema and schema not in self._grammars:
            try:
                made = self._library.LlamaGrammar.from_json_schema(schema, verbose=False)
            except Exception as error:  # the converter raises whatever the schema makes it stumble over
                writing.unbound = f"{type(error).__name__}: {error}"
                return None
            self._grammars = {schema: made}  # a character has one
        return self._grammars.get(schema)

    def _spelled(self, token: int) -> str:
        return self._llama.detokenize([token], special=True).decode("utf-8", "ignore") if token >= 0 else ""


def load(request: LoadGguf, clock: Clock = SYSTEM_CLOCK) -> LlamaModel:
    """Load the model. Raises :class:`InputError` that names the file, or the package, that is missing or wrong."""
    path = Path(request.model)
    if not path.is_file():
        remedy = "Download a GGUF of an instruction model, or correct the path."
        raise InputError(f"there is no file {path}", where="engines.llama.model", remedy=remedy)
    try:
        library: Any = import_module("llama_cpp")
    except (ImportError, OSError, RuntimeError) as error:  # its shared library may be there and not load
        remedy = 'Install it: pip install "duologue[llama]".'
        what = f"llama-cpp-python is not installed, or does not load: {error}"
        raise InputError(what, where="engines.llama", remedy=remedy) from error
    try:
        llama = library.Llama(
            str(path), n_ctx=request.context, n_batch=PORTION * 8, n_threads=request.threads or None,
            n_threads_batch=request.threads or None, n_gpu_layers=request.gpu_layers, verbose=False,
        )  # fmt: skip
    except Exception as error:  # ValueError for most files, but also what its template raises, which it reads as well
        remedy = "Download it again, set a smaller context, or renew llama-cpp-python for a model that is newer."
        raise InputError(f"{path} cannot be loaded: {error}", where="engines.llama.model", remedy=remedy) from error
    chat: Any = import_module("llama_cpp.llama_chat_format")
    own = llama.metadata.get("tokenizer.chat_template") or chat.CHATML_CHAT_TEMPLATE
    try:
        template = Path(request.template).read_text("utf-8") if request.template else own
        model = LlamaModel(library, llama, template, request.prompts, clock)
    except Exception as error:  # an unreadable file, or jinja2's many errors of syntax
        remedy = "Give a Jinja template that this model understands."
        raise InputError(f"the chat template fails: {error}", where="engines.llama.template", remedy=remedy) from error
    _first_prompt(model)
    return model


def _first_prompt(model: LlamaModel) -> None:
    """The first reading brings the weights in from the disk, which must not happen in somebody's reply."""
    hello: tuple[ChatMessage, ...] = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello."})
    try:
        for _ in model.write(Write(-1, hello, temperature=0.0, seed=0, max_tokens=1)):
            pass
    except RuntimeError as error:
        raise PeerError(f"the model cannot read: {error}", where="llama-cpp-python") from error
