"""A template and its data become the words of a message. Pure: templates are data, files are read in `catalogue`.

A template has fields (subject, title, body, html) by channel and language, and declares its variables. Text fields are
not escaped, html is; a variable that is missing, or was not declared, is an error before anything is rendered.

What is sent in digests has other words for them, which may use `DIGEST_VARIABLES` too; data with a `digest_count` is a digest's.
"""

from collections.abc import Mapping

import jinja2
import jinja2.meta
from jinja2.sandbox import SandboxedEnvironment
from msgspec import Struct

from providers.errors import TemplateFileError, TemplateUnknownError, VariableError

DEFAULT_LANGUAGE = "en"
DIGEST_COUNT = "digest_count"
DIGEST_VARIABLES = frozenset(
    {DIGEST_COUNT, "digest_actors", "digest_actor_1", "digest_actor_2", "digest_others", "digest_members"},
)
"""docs/contracts.md says what they are."""


class Content(Struct, frozen=True):
    """The words of one message; what a channel has no use for is empty."""

    subject: str = ""
    title: str = ""
    body: str = ""
    html: str | None = None


class Fields(Struct, frozen=True, forbid_unknown_fields=True):
    """Jinja2 sources of one channel in one language."""

    body: str
    subject: str = ""
    title: str = ""
    html: str | None = None


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """A template as it is written: channel -> language -> fields; and the same for digests, where there are any."""

    id: str
    version: int
    variables: list[str]
    channels: dict[str, dict[str, Fields]]
    description: str = ""
    digest: dict[str, dict[str, Fields]] = {}


class Template:
    """A compiled template. Raises TemplateFileError or VariableError when the source cannot be used."""

    def __init__(self, source: Source) -> None:
        self.id, self.version = source.id, source.version
        self.variables = frozenset(source.variables)
        if taken := self.variables & DIGEST_VARIABLES:
            raise VariableError(self.id, "", min(taken), "reserved")
        self._channels = self._compiled(source.channels, self.variables)
        self._digests = self._compiled(source.digest, self.variables | DIGEST_VARIABLES)

    def check(self, channel: str, data: Mapping[str, str]) -> None:
        """Raise VariableError unless data has exactly the declared variables, TemplateUnknownError without the channel."""
        self._languages(channel, DIGEST_COUNT in data)
        declared = self.variables | DIGEST_VARIABLES if DIGEST_COUNT in data else self.variables
        for kind, names in (("missing", declared - data.keys()), ("undeclared", data.keys() - declared)):
            if names:
                raise VariableError(self.id, channel, min(names), kind)

    def render(self, channel: str, language: str, data: Mapping[str, str]) -> Content:
        """Return the content in `language`, else its base language ("de" for "de-AT"), else English.

        Equal data gives the same object again, so that recipients who share a text share its memory.
        """
        if data.keys() != self.variables:
            self.check(channel, data)
        languages = self._languages(channel, DIGEST_COUNT in data)
        texts = languages.get(language) or languages.get(language.partition("-")[0]) or languages[DEFAULT_LANGUAGE]
        return texts.render(data)

    def _languages(self, channel: str, digest: bool) -> "dict[str, _Texts]":
        try:
            return (self._digests if digest else self._channels)[channel]
        except KeyError:
            what = "no digest for" if digest else "no"
            raise TemplateUnknownError(f"template {self.id!r} has {what} channel {channel!r}") from None

    def _compiled(self, channels: Mapping[str, Mapping[str, Fields]], variables: frozenset[str]) -> "dict[str, dict[str, _Texts]]":
        return {
            channel: {language: self._compile(channel, language, fields, variables) for language, fields in languages.items()}
            for channel, languages in channels.items()
        }

    def _compile(self, channel: str, language: str, fields: Fields, variables: frozenset[str]) -> "_Texts":
        where = f"template {self.id!r}, channel {channel!r}, language {language!r}"
        for text in (fields.subject, fields.title, fields.body, fields.html or ""):
            try:
                used = jinja2.meta.find_undeclared_variables(_TEXT.parse(text))
            except jinja2.TemplateSyntaxError as error:
                raise TemplateFileError(f"{where}: {error.message} (line {error.lineno} of {text[:40]!r})") from error
            if unknown := used - variables:
                raise VariableError(self.id, channel, min(unknown), "undeclared")
        return _Texts(self.id, channel, fields)


class _Texts:
    """The compiled fields of one channel and language, and the last content they gave."""

    def __init__(self, template: str, channel: str, fields: Fields) -> None:
        self._template, self._channel = template, channel
        self._subject, self._title = _TEXT.from_string(fields.subject), _TEXT.from_string(fields.title)
        self._body = _TEXT.from_string(fields.body)
        self._html = _HTML.from_string(fields.html) if fields.html is not None else None
        self._last: tuple[dict[str, str], Content] | None = None

    def render(self, data: Mapping[str, str]) -> Content:
        if self._last is not None and self._last[0] == data:
            return self._last[1]
        try:
            content = Content(
                _line(_run(self._subject, data)),
                _line(_run(self._title, data)),
                _run(self._body, data),
                _run(self._html, data) if self._html is not None else None,
            )
        except Exception as error:
            raise VariableError(self._template, self._channel, str(error), "unusable") from error
        self._last = (dict(data), content)
        return content


def _environment(*, autoescape: bool) -> SandboxedEnvironment:
    environment = SandboxedEnvironment(
        undefined=jinja2.StrictUndefined, autoescape=autoescape, trim_blocks=True, lstrip_blocks=True, cache_size=0
    )
    environment.globals.clear()  # _run renders without them; so a template that wants one is refused when it is read
    return environment


def _run(template: jinja2.Template, data: Mapping[str, str]) -> str:
    """Return the text. Data is the whole context (no globals), which halves the cost of `Template.render`."""
    context = template.new_context(dict(data), shared=True)
    return "".join(template.root_render_func(context))


def _line(text: str) -> str:
    """Return the text on one line: a newline in a subject would be another header."""
    return " ".join(text.split())


_TEXT = _environment(autoescape=False)
_HTML = _environment(autoescape=True)
