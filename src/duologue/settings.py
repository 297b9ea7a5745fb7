"""One settings object: defaults, then ``duologue.toml``, then the environment ``DUOLOGUE_*``, then flags.

Each value knows where it came from. An engine brings its own part: the pydantic model named ``Settings`` in the module
that its entry point names, filled from ``[engines.<name>]``. Nothing here imports an engine before it is asked for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from copy import deepcopy
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeAlias, cast, get_args, get_origin

from pydantic import (
    BaseModel,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from duologue.errors import InputError
from duologue.models.automatic import Pick, Use
from duologue.models.choosing import Choices, choose, offered
from duologue.places import models_folder
from duologue.redaction import hide, redacted, userinfo
from duologue.settings_parts import (
    ONLY_SHOW,
    PREFIX,
    ChainSettings,
    DialogueSettings,
    EngineChoice,
    HearingSettings,
    LedgerSettings,
    ModelsSettings,
    ModerationSettings,
    RunsSettings,
    ServeSettings,
    Shows,
    ShowSettings,
    Size,
    SpeechCacheSettings,
    StoreSettings,
    TelemetrySettings,
    WebSettings,
    as_list,
)
from duologue.settings_phone import PhoneSettings
from duologue.settings_spending import PricesSettings, SpendingSettings, wrong_spending
from duologue.text_files import read_table
from duologue.validation import WrongValue, did_you_mean, keys_in, problems

FILE = "duologue.toml"
ENGINE_GROUPS = {"duologue.tts": "speaks", "duologue.llm": "thinks", "duologue.stt": "hears", "duologue.vad": "notices"}
"""The groups of entry points, and what the engines of each do."""
_FLAG_NAMES = {
    "show.topic": "argument TOPIC",
    "show.tv.film": "flag --tv",
    "dialogue.half_duplex": "flag --full-duplex",
    "dialogue.speculate": "flag --no-speculation",
    "ledger.folder": "flag --ledger",
    "phone.persona": "flag --as",
    "web.tls_cert": "flag --tls",
    "web.tls_key": "flag --tls",
}
"""Where a flag's name is not the last part of its key."""
_LISTED = re.compile(r"\[\d+\].*")
_SECRET = re.compile(r"(^|_)(key|token|secret|password)$")

EngineModels: TypeAlias = Callable[[str, str], "type[BaseModel] | None"]
"""The settings model of an engine by name and group (empty: any); None for one without settings. Raises InputError for
an unknown name.
"""


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting as it is shown: secrets are masked. ``source`` is ``default``, a file, a variable or a flag, ``what``
    says in a sentence what it sets; ``why``, what a value that leaves the choice to us (``auto``) came to, and why.
    """

    key: str
    value: str
    source: str
    what: str = ""
    why: str = ""


class Settings(BaseSettings):
    """Everything that can be set; make it with :func:`load_settings`. Read-only."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__", enable_decoding=False
    )

    serve: ServeSettings = Field(default=ServeSettings(), description="Which parts of the house run.")
    show: ShowSettings = Field(default=ShowSettings(), description="What is on air.")
    shows: Shows = Field(
        default={}, description="Several shows at a time: a table for each, of the keys of show, which fills its gaps."
    )
    web: WebSettings = Field(default=WebSettings(), description="The web server.")
    engines: EngineChoice = Field(default=EngineChoice(), description="Which engines are used, and a table for each.")
    models: ModelsSettings = Field(default=ModelsSettings(), description="The models that were fetched.")
    hearing: HearingSettings = Field(default=HearingSettings(), description="How the end of a turn is found.")
    dialogue: DialogueSettings = Field(
        default=DialogueSettings(), description="How turns are taken in a conversation with a person."
    )
    phone: PhoneSettings = Field(default=PhoneSettings(), description="The phone line.")
    chains: ChainSettings = Field(default=ChainSettings(), description="When an engine hands over to the next.")
    speech_cache: SpeechCacheSettings = Field(
        default=SpeechCacheSettings(), description="What engines have said, kept on disk."
    )
    moderation: ModerationSettings = Field(default=ModerationSettings(), description="What may be said.")
    ledger: LedgerSettings = Field(default=LedgerSettings(), description="What is written down of all that happens.")
    runs: RunsSettings = Field(default=RunsSettings(), description="The flight recorder: what is kept of each run.")
    store: StoreSettings = Field(default=StoreSettings(), description="What outlives a conversation.")
    telemetry: TelemetrySettings = Field(default=TelemetrySettings(), description="The log.")
    prices: PricesSettings = Field(default=PricesSettings(), description="What engines cost.")
    spending: SpendingSettings = Field(
        default=SpendingSettings(), description="How much of engines may be used in a day."
    )

    _parts: dict[str, BaseModel | None] = PrivateAttr(default_factory=dict[str, BaseModel | None])
    _sources: dict[str, str] = PrivateAttr(default_factory=dict[str, str])
    _chosen: Choices = PrivateAttr(default_factory=Choices)
    _name: str = PrivateAttr(default=ONLY_SHOW)

    def given(self, key: str) -> bool:
        """Whether the value of ``key`` comes from a flag or an argument: from whoever started this, for this time."""
        return self._sources.get(key, "").startswith(("flag ", "argument ", "--set "))

    @property
    def name(self) -> str:
        """What the show of these settings is called, among those of its house (see :meth:`each_show`)."""
        return self._name

    @property
    def topic(self) -> str:
        """Of the events of the show of these settings."""
        return f"show:{self._name}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what :func:`load_settings` has layered: it keeps the source of each value."""
        return (init_settings,)

    @property
    def llm(self) -> str:
        """The engine that thinks; of several, the first."""
        return self.engines.llm[0]

    @property
    def tts(self) -> str:
        """The engine that speaks; of several, the first."""
        return self.engines.tts[0]

    @property
    def stt(self) -> str:
        """The engine that hears; of several, the first."""
        return self.engines.stt[0]

    @property
    def models_folder(self) -> Path:
        """Where models lie that were fetched."""
        return self.models.folder or models_folder()

    @property
    def picks(self) -> Mapping[str, Pick]:
        """What ``auto`` came to when these settings were loaded, by kind: ``tts``, ``stt``. Without what was named."""
        return self._chosen.picks

    @property
    def voice_pace(self) -> float | None:
        """Seconds that the first of ``engines.tts`` takes for a second of sound, as measured here; None: unknown."""
        return next(map(self.factor, self.engines.tts), None)

    def factor(self, name: str) -> float | None:
        """Seconds that a voice of this engine takes for a second of sound, as measured here; None: unknown."""
        return self._chosen.factors.get(name)

    def engine(self, name: str) -> BaseModel | None:
        """An engine's own part; None for one without settings, or neither chosen nor given a table."""
        return self._parts.get(name)

    def use(self) -> Use:
        """What ``serve`` asks of the engines, in English; a show where it switches nothing on."""
        talks = self.serve.talk or self.serve.line or self.serve.api
        return Use(shows=self.serve.show or not talks, talks=talks)

    def each_show(self) -> dict[str, Settings]:
        """The settings of each show by name, in order: its own are in ``show``.

        A show without a table is called :data:`ONLY_SHOW`.
        """
        if not self.shows:
            return {ONLY_SHOW: self}
        return {name: self._alone(name, show) for name, show in self.shows.items()}

    def composed(self, parts: Mapping[str, BaseModel | None], sources: Mapping[str, str], chosen: Choices) -> Settings:
        """The same with the engines' own parts, the source of each key, and what ``auto`` came to."""
        whole = self.model_copy()
        whole._parts, whole._sources, whole._chosen = dict(parts), dict(sources), chosen
        return whole

    def _alone(self, name: str, show: ShowSettings) -> Settings:
        alone = self.model_copy(update={"show": show, "shows": {}})
        alone._name = name
        return alone

    def secrets(self) -> tuple[str, ...]:
        """The values that may appear nowhere: the tokens, the line's passwords, every secret of the engines' parts,
        what stands before the ``@`` of their addresses, and the keys in the environment variables that they name
        (``key_variable``).
        """
        parts = (self.web, self.store, *(part for part in self._parts.values() if part is not None))
        values = [getattr(part, name) for part in parts for name in type(part).model_fields]
        written = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
        written += [secret for value in values if isinstance(value, str) for secret in userinfo(value)]
        variables = (getattr(part, "key_variable", "") for part in parts)
        tokens = (each.secret for each in self.web.tokens.values())
        return (
            *written,
            *self.phone.secrets(),
            *filter(None, tokens),
            *(key for name in variables if (key := os.environ.get(name, "").strip())),
        )

    def rows(self) -> list[SettingRow]:
        """Every setting with its value and source, in order."""
        rows: list[SettingRow] = []
        for name in type(self).model_fields:
            if name == "shows":
                for show, part in self.shows.items():
                    rows += self._rows(part, f"shows.{show}")
            else:
                rows += self._rows(cast(BaseModel, getattr(self, name)), name)
        for name, part in self._parts.items():
            rows += self._rows(part, f"engines.{name}") if part is not None else []
        return rows

    def _rows(self, part: BaseModel, prefix: str) -> Iterator[SettingRow]:
        for name, field in type(part).model_fields.items():
            key, value = f"{prefix}.{name}", cast(object, getattr(part, name))
            if isinstance(value, BaseModel):
                yield from self._rows(value, key)
            elif isinstance(value, dict) and value:
                yield from self._named(cast("dict[str, object]", value), key, field.description or "")
            elif tables := _tables(cast("object", value)):
                for number, table in enumerate(tables):
                    yield from self._rows(table, f"{key}[{number}]")
            else:
                whole = "" if name in part.model_fields_set else "?"  # of a list of tables only the whole has a source
                source = self._sources.get(key) or self._sources.get(_LISTED.sub("", key) + whole, "default")
                what = field.description or ""
                pick = self.picks.get(name) if prefix == "engines" else None
                shown = _shown(name, cast("object", value) if pick is None else pick.written)
                yield SettingRow(key, shown, source, what, str(pick or ""))

    def _named(self, table: Mapping[str, object], prefix: str, what: str) -> Iterator[SettingRow]:
        """Of a table whose keys are a person's own: a table for each of them, or a value."""
        for name, value in table.items():
            key = f"{prefix}.{name}"
            if isinstance(value, BaseModel):
                yield from self._rows(value, key)
            else:
                yield SettingRow(key, _shown(name, value), self._source(key), what)

    def _source(self, key: str) -> str:
        """Where a value came from; of a list of tables only the whole has a source."""
        return self._sources.get(key) or self._sources.get(_LISTED.sub("", key), "default")


def _tables(value: object) -> list[BaseModel]:
    """The tables of a list of tables."""
    items = cast("tuple[object, ...]", value) if isinstance(value, tuple) else ()
    return [each for each in items if isinstance(each, BaseModel)]


def _shown(name: str, value: object) -> str:
    if value is None or value in ("", (), {}):
        return "–"
    if isinstance(value, SecretStr) or _SECRET.search(name):
        return "********"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list) and not isinstance(value, Size):
        return redacted(", ".join(str(item) for item in cast("tuple[object, ...]", value)))
    return redacted(str(value))


def load_settings(
    flags: Mapping[str, object] | None = None,
    *,
    assigned: Mapping[str, object] | None = None,
    defaults: Mapping[str, object] | None = None,
    config: Path | None = None,
    models: EngineModels | None = None,
    use: Use | Callable[[Settings], Use] | None = None,
) -> Settings:
    """Layer the settings and check them, and choose once what is left to us (``auto``), by the models that are here.

    ``flags`` are dotted keys with values, e.g. ``{"show.fps": 25}``; a value of None was not given. ``assigned`` are
    the same from ``--set KEY=VALUE``, above the flags; ``defaults`` are a command's own, below all else.
    ``config`` is the file; by default ``duologue.toml`` in the working directory, if there is one. ``models`` finds an
    engine's settings model (default: :func:`installed_model`). ``use`` is what is asked of the engines, or tells it by
    the settings before engines are chosen: unless told otherwise what ``serve`` switches on, in English.

    Raises :class:`InputError` naming the key, its source and what is allowed.
    """
    table, sources = _layered(flags, assigned, config, defaults)
    _fill_shows(table, sources)
    tables = _take_engine_tables(table)
    try:
        settings = Settings(**table)
    except ValidationError as error:
        raise _as_input_error(problems(error, Settings), sources) from None
    asked = use(settings) if callable(use) else use or settings.use()
    settings, chosen = _with_choices(settings, tables, sources, asked)
    parts = _engine_parts(settings.engines, tables, sources, models or installed_model)
    _check_spending(settings, parts.keys(), sources)
    settings = settings.composed(parts, sources, chosen)
    hide(*settings.secrets())
    return settings


def load_models_folder(config: Path | None = None) -> Path:
    """Where models lie, as set. The rest of the settings is not looked at: it may want a model that is to be fetched.

    Raises :class:`InputError`.
    """
    table, sources = _layered(None, None, config)
    try:
        part = ModelsSettings.model_validate(table.get("models", {}))
    except ValidationError as error:
        raise _as_input_error(_inside("models", problems(error, ModelsSettings)), sources) from None
    return part.folder or models_folder()


def load_engine_tables(config: Path | None = None) -> Mapping[str, Mapping[str, object]]:
    """What is written under ``[engines.NAME]``, as it stands there. Raises :class:`InputError`."""
    return _take_engine_tables(_layered(None, None, config)[0])


def _layered(
    flags: Mapping[str, object] | None,
    assigned: Mapping[str, object] | None,
    config: Path | None,
    defaults: Mapping[str, object] | None = None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """All layers on top of each other, and the source of each key."""
    layers = [
        _key_layer(defaults or {}, lambda _: "default"), _file_layer(config), _environment_layer(),
        _key_layer(flags or {}, _flag), _key_layer(assigned or {}, lambda key: f"--set {key}"),
    ]  # fmt: skip
    table: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for layer in layers:
        _merge(table, layer.table)
        sources.update(layer.sources)
    return table, sources


def _with_choices(
    settings: Settings, tables: dict[str, dict[str, Any]], sources: dict[str, str], use: Use
) -> tuple[Settings, Choices]:
    """The settings with an engine for each ``auto``; ``tables`` gain the models that the engines' own do not name."""
    engines = settings.engines
    names = {"tts": engines.tts, "stt": engines.stt}
    chosen = choose(names, tables, settings.models_folder, use)
    for engine, found in chosen.tables.items():
        tables.setdefault(engine, {}).update(found)
        sources.update({f"engines.{engine}.{key}": f"model {chosen.models[engine]}" for key in found})
    return settings.model_copy(update={"engines": engines.model_copy(update=dict(chosen.names))}), chosen


@dataclass(frozen=True, slots=True)
class _Layer:
    table: dict[str, Any]
    sources: dict[str, str]


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        key = f"{prefix}.{name}" if prefix else name
        if isinstance(value, dict):
            yield from _leaves(cast(dict[str, Any], value), key)
        else:
            yield key, value


def _merge(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    for name, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(name), dict):
            _merge(below[name], cast(dict[str, Any], value))
        else:
            below[name] = value


def _file_layer(config: Path | None) -> _Layer:
    path = config or Path(FILE)
    if not path.exists():
        if config is None:
            return _Layer({}, {})
        raise InputError("there is no such settings file", where=str(path), remedy="Check --config.")
    table = read_table(path, "the settings file")
    return _Layer(table, {key: str(path) for key, _ in _leaves(table)})


def _environment_layer() -> _Layer:
    table = EnvSettingsSource(Settings)()
    sections = Settings.model_fields.keys()
    for variable in os.environ:
        name = variable.upper().removeprefix(PREFIX)
        section = name.partition("__")[0].lower()
        if variable.upper().startswith(PREFIX) and section not in sections:
            raise InputError(
                f"there is no setting {name.lower().replace('__', '.')!r}",
                where=f"environment variable {variable}",
                remedy=_variable_meant(name.lower()) or did_you_mean(section, sections),
            )
    sources = {key: f"environment {PREFIX}{key.upper().replace('.', '__')}" for key, _ in _leaves(table)}
    if isinstance(table.get("models"), str):  # the one variable with a short name
        table["models"], sources["models.folder"] = {"folder": table["models"]}, sources.pop("models")
    return _Layer(table, sources)


def _variable_meant(name: str) -> str:
    """A remedy where ``name`` (``port``, ``web_port``) leaves out a section, or one of two underscores; else empty."""
    flat = name.replace("__", "_")
    keys = [key for key in keys_in(Settings) if flat in (key.replace(".", "_"), key.rpartition(".")[2])]
    if keys:
        variables = [PREFIX + key.upper().replace(".", "__") for key in keys[:3]]
        return f"Did you mean {' or '.join(variables)}?"
    inside = any(flat.startswith(f"{section}_") for section in Settings.model_fields)
    return f"Two underscores stand between a section and its key, as in {PREFIX}WEB__PORT." if inside else ""


def _flag(key: str) -> str:
    return _FLAG_NAMES.get(key) or f"flag --{key.rpartition('.')[2].replace('_', '-')}"


def _key_layer(values: Mapping[str, object], source: Callable[[str], str]) -> _Layer:
    """Of dotted keys; ``source`` says in words where a key was given."""
    table: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for key, value in values.items():
        if value is None:
            continue
        *path, name = key.split(".")
        inner = table
        for part in path:
            inner = inner.setdefault(part, {})
        inner[name] = value
        sources[key] = source(key)
    return _Layer(table, sources)


def _as_input_error(found: list[WrongValue], sources: Mapping[str, str]) -> InputError:
    first = found[0]
    others = ", ".join(problem.key for problem in found[1:])
    remedy = f"{first.remedy} Wrong too: {others}." if others else first.remedy
    return InputError(
        f"{first.key}: {first.what}" if first.key else first.what, where=_source(first.key, sources), remedy=remedy
    )


def _inside(table: str, found: Iterable[WrongValue]) -> list[WrongValue]:
    """What is wrong in a table that was looked at by itself, by the whole keys."""
    return [replace(each, key=f"{table}.{each.key}" if each.key else table) for each in found]


def _source(key: str, sources: Mapping[str, str]) -> str:
    """The source of a key, or of one in its table or of its list."""
    plain = re.sub(r"\[\d+\]", "", key)
    if plain in sources:
        return sources[plain]
    return next((source for name, source in sources.items() if name.startswith(f"{plain}.")), "defaults")


def _fill_shows(table: dict[str, Any], sources: dict[str, str]) -> None:
    """Give each of several shows what ``[show]`` says and its own table does not."""
    common, shows = table.get("show", {}), table.get("shows")
    if not isinstance(common, dict) or not isinstance(shows, dict):
        return
    for name, own in cast(dict[str, Any], shows).items():
        if isinstance(own, dict):
            whole = deepcopy(cast(dict[str, Any], common))
            _merge(whole, cast(dict[str, Any], own))
            shows[name] = whole
            for key in [key for key in sources if key.startswith("show.")]:
                sources.setdefault(f"shows.{name}.{key.removeprefix('show.')}", sources[key])


def _take_engine_tables(table: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Take the engines' own tables out: what they hold is checked, and kept from being shown, by their own models."""
    engines: object = table.get("engines")
    if not isinstance(engines, dict):
        return {}
    entries = cast(dict[str, Any], engines)
    names = [name for name, value in entries.items() if isinstance(value, dict)]
    return {name: entries.pop(name) for name in names}


def _engine_parts(
    choice: EngineChoice, tables: Mapping[str, dict[str, Any]], sources: Mapping[str, str], models: EngineModels
) -> dict[str, BaseModel | None]:
    parts: dict[str, BaseModel | None] = {}
    chosen = {"tts": choice.tts, "llm": choice.llm, "stt": choice.stt, "vad": (choice.vad,)}
    uses = [(kind, name) for kind, names in chosen.items() for name in names]
    unused = tables.keys() - {name for _, name in uses}
    for kind, name in (*uses, *(("", name) for name in tables if name in unused)):
        key = f"engines.{name}" if name in tables or not kind else f"engines.{kind}"
        try:
            model = models(name, f"duologue.{kind}" if kind else "")
            parts[name] = _engine_part(name, model, tables.get(name, {}), sources)
        except InputError as error:
            where = error.where or _source(key, sources)
            raise InputError(
                error.what, where=where, remedy=error.remedy + _without(name, chosen.get(kind, ()))
            ) from error
    return parts


def _without(name: str, chain: Sequence[str]) -> str:
    """How to do without an engine of a chain that cannot be made."""
    others = [each for each in chain if each != name]
    return f" Or leave {name} out of the chain: {', '.join(others)}." if others else ""


def _check_spending(settings: Settings, engines: Set[str], sources: Mapping[str, str]) -> None:
    """Prices and caps are of engines that there are (installed, or among ``engines``), and caps in money have prices.
    Raises :class:`InputError`.
    """
    prices, spending = settings.prices, settings.spending
    if not prices.engines and not spending.capped:
        return
    installed = {point.name for group in ENGINE_GROUPS for point in entry_points(group=group)}
    wrong = wrong_spending(prices, spending, installed | engines)
    if wrong is not None:
        raise _as_input_error([wrong], sources)


def _engine_part(
    name: str, model: type[BaseModel] | None, table: dict[str, Any], sources: Mapping[str, str]
) -> BaseModel | None:
    if model is None:
        if table:
            raise InputError(f"engines.{name}: this engine has no settings", remedy="Remove the table.")
        return None
    try:
        return model.model_validate(_with_lists(table, model))
    except ValidationError as error:
        details = error.errors(include_url=False)
        missing = [str(each["loc"][0]) for each in details if each["type"] == "missing" and len(each["loc"]) == 1]
        if missing:
            raise _needed(name, missing, model) from None
        raise _as_input_error(_inside(f"engines.{name}", problems(error, model)), sources) from None


def _with_lists(table: Mapping[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """``table`` with lists where the environment and flags could only write ``a,b``."""
    return {key: as_list(value) if _is_list(model, key) else value for key, value in table.items()}


def _is_list(model: type[BaseModel], key: str) -> bool:
    """Whether a key holds a list of texts, or may be unset."""
    field = model.model_fields.get(key)
    kinds = [] if field is None else [field.annotation, *get_args(field.annotation)]
    return any(get_origin(kind) in (tuple, list, set, frozenset) and str in get_args(kind) for kind in kinds)


def _needed(name: str, keys: Sequence[str], model: type[BaseModel]) -> InputError:
    """Settings that an engine cannot do without were given nowhere."""
    told = ((key, (model.model_fields[key].description or "").rstrip(".")) for key in keys)
    wanted = ", and ".join(f"engines.{name}.{key}{f' ({said})' if said else ''}" for key, said in told)
    lines = ", ".join(f'{key} = "…"' for key in keys)
    variables = " and ".join(f"{PREFIX}ENGINES__{name.upper()}__{key.upper()}" for key in keys)
    page = f" See docs/engines/{name.replace('_', '-')}.md." if model.__module__.startswith("duologue.") else ""
    command = offered(name)
    fetch = f"Run {command}. Or write" if command else "Write"
    return InputError(
        f"the engine {name!r} needs {wanted}",
        remedy=f"{fetch} [engines.{name}] and under it {lines} into {FILE}, or set {variables}.{page}",
    )


def installed_model(name: str, group: str = "") -> type[BaseModel] | None:
    """The pydantic model ``Settings`` of the module that the engine's entry point names, in ``group`` or in any; None
    when it has none.
    """
    points = [point for each in ([group] if group else ENGINE_GROUPS) for point in entry_points(group=each)]
    found = next((point for point in points if point.name == name), None)
    if found is None:
        what = f"there is no engine {name!r}{f' that {ENGINE_GROUPS[group]}' if group else ''}"
        raise InputError(what, remedy=did_you_mean(name, {point.name for point in points}))
    try:
        model: object = getattr(import_module(found.module), "Settings", None)
    except ImportError as error:
        raise InputError(f"the engine {name!r} cannot be loaded: {error}", remedy="Install what it needs.") from error
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None
