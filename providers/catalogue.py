"""The templates there are: one YAML file a template version, read once."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
import yaml

from providers.content import DEFAULT_LANGUAGE, Content, Source, Template
from providers.errors import TemplateFileError, TemplateUnknownError

SHIPPED = Path(__file__).with_name("templates")


class Templates:
    """Templates by id and version. Raises TemplateFileError for two of the same."""

    def __init__(self, templates: Iterable[Template]) -> None:
        self._versions: dict[str, dict[int, Template]] = {}
        for template in templates:
            versions = self._versions.setdefault(template.id, {})
            if template.version in versions:
                raise TemplateFileError(f"template {template.id!r}: version {template.version} is there twice")
            versions[template.version] = template

    @classmethod
    def load(cls, folder: Path = SHIPPED) -> "Templates":
        """Read every *.yaml of a folder. Raises TemplateFileError that names the file, or VariableError."""
        return cls(Template(read(path)) for path in sorted(folder.glob("*.yaml")))

    @property
    def ids(self) -> list[str]:
        """The ids, sorted."""
        return sorted(self._versions)

    def get(self, template: str, version: int | None = None) -> Template:
        """Return a template, the newest version unless one is named. Raises TemplateUnknownError."""
        versions = self._versions.get(template)
        if versions is None:
            raise TemplateUnknownError(f"no template {template!r}; there are {', '.join(self.ids)}")
        found = versions.get(max(versions) if version is None else version)
        if found is None:
            raise TemplateUnknownError(f"template {template!r} has no version {version}; newest is {max(versions)}")
        return found

    def render(self, template: str, channel: str, language: str, data: Mapping[str, str], *, version: int | None = None) -> Content:
        """Return the words for one recipient. Raises TemplateUnknownError, VariableError."""
        return self.get(template, version).render(channel, language, data)


def read(path: Path) -> Source:
    """Return the template written in a file. Raises TemplateFileError that names it."""
    try:
        source = msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), Source)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise TemplateFileError(f"{path}: {error}") from error
    for channel, languages in [*source.channels.items(), *source.digest.items()]:
        if DEFAULT_LANGUAGE not in languages:
            raise TemplateFileError(f"{path}: channel {channel!r} has no {DEFAULT_LANGUAGE!r}, the fallback")
    return source
