"""`--overrides` and `--attach`: what a notification has beside its text, from files; what is wrong with them is said with its place."""

import mimetypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from ops.cli.errors import BadRequest
from schemas.records import Attachment, EmailOverrides, Overrides
from streams.planner.overrides import MAX_ATTACHMENT_BYTES, faults
from streams.strict_record import as_written
from streams.strict_yaml import read_yaml

MAX_FILE_BYTES = 262_144
"""Of `--overrides`: as much as may be, in base64 and with room for layout and comments."""
UNKNOWN_TYPE = "application/octet-stream"
_Written = as_written(Overrides)


def overrides_of(file: Path | None, attached: Sequence[Path]) -> Overrides | None:
    """What the files say; None: there are none. Raises BadRequest, OSError."""
    overrides = None if file is None else _checked(f"--overrides {file}", parsed(f"--overrides {file}", _read(file, MAX_FILE_BYTES)))
    if not attached:
        return overrides
    names = " ".join(f"--attach {path}" for path in attached)
    files = [attachment(path.name, _read(path, MAX_ATTACHMENT_BYTES)) for path in attached]
    return _checked(names, with_files(overrides or Overrides(), files))


def parsed(said: str, text: bytes) -> Overrides:
    """JSON or YAML with the names of the schema as a record. `said`: where it is from. Raises BadRequest."""
    try:
        raw: Any = msgspec.json.decode(text) if text.lstrip().startswith(b"{") else read_yaml(text)
        msgspec.convert(raw, _Written)
        return msgspec.convert(raw, Overrides)
    except (msgspec.DecodeError, yaml.YAMLError, ValueError) as error:  # a date that is none is a ValueError of yaml
        raise BadRequest(f"{said}: {' '.join(str(error).split())}") from error


def attachment(name: str, content: bytes) -> Attachment:
    """A file for an e-mail, with the media type that its name speaks for."""
    kind, encoding = mimetypes.guess_type(name, strict=False)
    return Attachment(name, UNKNOWN_TYPE if kind is None or encoding else kind, content)


def with_files(overrides: Overrides, files: Sequence[Attachment]) -> Overrides:
    """The overrides with more files for the e-mail."""
    email = overrides.email or EmailOverrides()
    return msgspec.structs.replace(overrides, email=msgspec.structs.replace(email, attachments=[*email.attachments, *files]))


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise BadRequest(f"{path} has more than {limit} bytes: what is larger goes as a link")
    return content


def _checked(said: str, overrides: Overrides) -> Overrides:
    for where, what in faults(overrides):
        raise BadRequest(f"{said}: {where} {what}" if where else f"{said}: overrides {what}")
    return overrides
