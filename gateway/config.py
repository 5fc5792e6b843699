"""The gateway's file: where it listens, what is bounded, and which providers call.

host: 127.0.0.1
port: 8080
public_url: https://notify.example      # scheme and host as providers call us
inside_port: 8081                       # optional: health and metrics, on 127.0.0.1
limits: {body_bytes: 2097152}           # optional
feedback:                               # providers/feedback/registry.py
  sendgrid: {options: {verification_key: "${SENDGRID_VERIFICATION_KEY}"}}
polled:                                 # optional: whose events are fetched
  mailgun: {options: {api_key: "${MAILGUN_API_KEY}", domain: mg.example.com}}
polling: {every_s: 60}                  # optional
asked:                                  # optional: whom `carillon unknown poll` can ask, by the provider's name
  postmark: {options: {server_token: "${POSTMARK_SERVER_TOKEN}"}}
Strings may hold ${NAME}, and NAME_FILE names a file that is read again when it changes (providers/secret_files.py).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
import yaml
from msgspec import Meta, Struct

from gateway.errors import ConfigError
from providers.errors import RegistryError
from providers.feedback.registry import Feeds, Inquiries, Parsers, load, load_feeds, load_inquiries
from providers.options import fill

Port = Annotated[int, Meta(ge=0, le=65535)]


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What one request may take, and how many there may be. Providers wait 3 s (Slack) to 15 s (SNS, Twilio) for an answer."""

    body_bytes: Annotated[int, Meta(ge=1024, le=16_777_216)] = 2_097_152
    in_flight: Annotated[int, Meta(ge=1, le=10_000)] = 256
    read_s: Annotated[float, Meta(gt=0, le=60)] = 5.0
    answer_s: Annotated[float, Meta(gt=0, le=60)] = 10.0


class Polling(Struct, frozen=True, forbid_unknown_fields=True):
    """How events are fetched. `every_s`: when there was nothing more; `page_s`: between two pages; `longest_s`: after failures, at most.
    `since_h`: how far back a feed begins that was never fetched.
    """

    every_s: Annotated[float, Meta(gt=0, le=3600)] = 60.0
    page_s: Annotated[float, Meta(ge=0, le=60)] = 0.5
    timeout_s: Annotated[float, Meta(gt=0, le=120)] = 30.0
    longest_s: Annotated[float, Meta(gt=0, le=3600)] = 600.0
    page_bytes: Annotated[int, Meta(ge=1024, le=67_108_864)] = 8_388_608
    since_h: Annotated[float, Meta(ge=0, le=168)] = 24.0


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The file without its providers. `inside_port` None: neither health nor metrics."""

    public_url: str
    host: str = "127.0.0.1"
    port: Port = 8080
    inside_port: Port | None = None
    limits: Limits = Limits()
    polling: Polling = Polling()
    feedback: dict[str, Any] = {}
    polled: dict[str, Any] = {}
    asked: dict[str, Any] = {}


class Config(Struct, frozen=True):
    """What a gateway is made of."""

    settings: Settings
    parsers: Parsers
    feeds: Feeds
    inquiries: Inquiries


def load_file(path: Path, variables: Mapping[str, str]) -> Config:
    """Return what a YAML file describes. Raises ConfigError that names the file, and what is wrong in it; never what a secret is."""
    try:
        return config_of(yaml.safe_load(path.read_text(encoding="utf-8")), variables)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ConfigError, RegistryError) as error:
        raise ConfigError(f"{path}: {error}") from error


def config_of(told: Any, variables: Mapping[str, str]) -> Config:
    """Return what the file's content describes. Raises ConfigError, RegistryError."""
    if not isinstance(told, dict):
        raise ConfigError("not a mapping")
    plain = {key: value if key in ("feedback", "polled", "asked") else fill(str(key), value, variables) for key, value in told.items()}
    try:
        settings = msgspec.convert(plain, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(str(error)) from error
    parts = urlsplit(settings.public_url)
    if parts.scheme not in ("http", "https") or not parts.netloc or settings.public_url != f"{parts.scheme}://{parts.netloc}":
        raise ConfigError("public_url: a scheme and a host, and nothing else")
    if not (settings.feedback or settings.polled or settings.asked):
        raise ConfigError("feedback: no provider")
    feeds, inquiries = load_feeds(settings.polled, variables), load_inquiries(settings.asked, variables)
    return Config(settings, load(settings.feedback, variables), feeds, inquiries)
