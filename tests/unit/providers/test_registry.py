"""Configuration to providers; what is wrong is said, and where."""

from pathlib import Path
from typing import Any

import pytest

from providers.base import AnyProvider, DirectProvider, Provider
from providers.errors import RegistryError
from providers.inbox import Inbox
from providers.registry import Registry, load, load_file, routes_of
from providers.sandbox import SandboxBatch, SandboxSingle

URL = {"base_url": "http://127.0.0.1:1/"}


def channels(**lines: Any) -> dict[str, Any]:
    return {"channels": lines}


def only(registry: Registry, channel: str) -> AnyProvider:
    (route,) = routes_of(registry, channel).values()
    return route.provider


def batch(**options: Any) -> dict[str, Any]:
    return {"kind": "sandbox_batch", "options": URL | options}


def test_a_channel_has_its_providers_with_their_weights() -> None:
    line = {"kind": "sandbox_single", "name": "spare", "weight": 0, "options": URL | {"concurrency": 7}}
    registry = load(channels(email=[batch(batch_size=50), line], in_app=[{"kind": "inbox"}]))
    assert list(registry["email"]) == ["sandbox-email", "spare"]
    assert (registry["email"]["sandbox-email"].weight, registry["email"]["spare"].weight) == (1, 0)
    assert registry["email"]["spare"].provider.declaration.concurrency == 7
    batched = routes_of(registry, "email")["sandbox-email"].provider
    assert isinstance(batched, SandboxBatch)
    assert (batched.declaration.channel, batched.declaration.batch_size) == ("email", 50)
    assert isinstance(only(registry, "in_app"), Inbox)
    with pytest.raises(RegistryError, match="no provider for channel 'fax'; there are email, in_app"):
        routes_of(registry, "fax")


def test_variables_are_filled_in_and_take_the_type_of_the_option() -> None:
    line = batch(base_url="${URL}", batch_size="${SIZE}", concurrency="${UNSET:-9}")
    provider = only(load(channels(push=[line]), {"URL": "https://x.test", "SIZE": "12"}), "push")
    assert (provider.declaration.batch_size, provider.declaration.concurrency) == (12, 9)
    assert isinstance(provider, Provider)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (None, "providers: Expected `object`"),
        ({}, "providers: Object missing required field `channels`"),
        ({"channels": {}, "chanels": {}}, "unknown field `chanels`"),
        (channels(push=[]), "channels.push: no provider"),
        (channels(push=[{}]), r"channels.push\[0\]: Object missing required field `kind`"),
        (channels(push=[{"kind": "pigeon"}]), r"channels.push\[0\].kind: no 'pigeon'; there are inbox, sandbox_batch"),
        (channels(push=[batch() | {"weight": -1}]), r"channels.push\[0\]: Expected `int` >= 0 - at `\$.weight`"),
        (channels(push=[{"kind": "sandbox_batch"}]), r"channels.push\[0\].options: .* missing required field `base_url`"),
        (channels(push=[batch(colour="red")]), r"channels.push\[0\].options: .* unknown field `colour`"),
        (channels(push=[batch(batch_size="many")]), r"options: Expected `int`, got `str` - at `\$.batch_size`"),
        (channels(push=[batch(batch_size=0)]), "sandbox-push: batch_size must be at least 1"),
        (channels(push=[batch(base_url="ftp://x")]), "sandbox-push: base_url must begin with http:// or https://"),
        (channels(push=[batch(base_url="${NOPE}")]), r"options.base_url: variable NOPE is not given"),
        (channels(push=[batch(), batch()]), r"channels.push\[1\]: the name 'sandbox-push' is taken"),
        (channels(a=[{"kind": "inbox"}], b=[{"kind": "inbox"}]), "channels.b: the name 'inbox' is taken"),
    ],
)
def test_a_bad_configuration_is_refused_with_the_place(config: Any, says: str) -> None:
    with pytest.raises(RegistryError, match=says):
        load(config)


def test_an_error_never_shows_what_a_variable_holds() -> None:
    with pytest.raises(RegistryError) as caught:
        load(channels(push=[batch(batch_size="${KEY}")]), {"KEY": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_the_default_has_every_channel() -> None:
    registry = load_file(variables={"SANDBOX_URL": "http://127.0.0.1:1"})
    assert registry.keys() == {"push", "email", "sms", "chat", "in_app"}
    assert isinstance(only(registry, "sms"), SandboxSingle)
    assert isinstance(only(registry, "in_app"), DirectProvider)


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("channels: [", encoding="utf-8")
    for path in (tmp_path / "bad.yaml", tmp_path / "none.yaml"):
        with pytest.raises(RegistryError, match=path.name):
            load_file(path)
