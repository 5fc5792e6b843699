"""Configuration to providers; what is wrong is said, and where."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from providers.base import AnyProvider, Composite, DirectProvider, Provider
from providers.errors import RegistryError
from providers.inbox import Inbox
from providers.platforms import Platforms
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


WEB = {"kind": "web_push", "options": {"vapid_key": "k", "subject": "mailto:a@example.com"}}


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
        (channels(push=[{"kind": "pigeon"}]), r"channels.push\[0\].kind: no 'pigeon'; there are .*inbox, .*sandbox_batch"),
        (channels(push=[batch() | {"weight": -1}]), r"channels.push\[0\]: Expected `int` >= 0 - at `\$.weight`"),
        (channels(push=[{"kind": "sandbox_batch"}]), r"channels.push\[0\].options: .* missing required field `base_url`"),
        (channels(push=[batch(colour="red")]), r"channels.push\[0\].options: .* unknown field `colour`"),
        (channels(push=[batch(batch_size="many")]), r"options: Expected `int`, got `str` - at `\$.batch_size`"),
        (channels(push=[batch(batch_size=0)]), "sandbox-push: batch_size must be at least 1"),
        (channels(push=[batch(base_url="ftp://x")]), "sandbox-push: base_url must begin with http:// or https://"),
        (channels(push=[batch(base_url="${NOPE}")]), r"options.base_url: variable NOPE is not given"),
        (channels(push=[batch(), batch()]), r"channels.push\[1\]: the name 'sandbox-push' is taken"),
        (channels(a=[{"kind": "inbox"}], b=[{"kind": "inbox"}]), "channels.b: the name 'inbox' is taken"),
        (channels(push=[{"by_platform": {}}]), r"channels.push\[0\].by_platform: platforms: no platform"),
        (channels(sms=[{"by_platform": {"ios": batch()}}]), r"channels.sms\[0\]: there are platforms on push alone"),
        (channels(push=[{"by_platform": {"ios": {}}}]), r"channels.push\[0\]: Object missing required field `kind` - at"),
        (channels(push=[{"by_platform": {"ios": batch() | {"weight": 1}}}]), r"channels.push\[0\]: .* unknown field `weight`"),
        (channels(push=[{"kind": "inbox", "by_platform": {}}]), r"channels.push\[0\]: .* unknown field `kind`"),
        (channels(push=[{"by_platform": {"ios": batch(colour="red")}}]), r"push\[0\].by_platform.ios.options: .* `colour`"),
        (channels(push=[{"by_platform": {"ios": WEB}}]), r"push\[0\].by_platform: web-push reaches web, not ios"),
        (channels(push=[{"by_platform": {"ios": batch(), "web": batch()}}]), r"push\[0\]: the name 'sandbox-push' is taken"),
        (channels(push=[{"by_platform": {"ios": batch()}}, batch()]), r"push\[1\]: the name 'sandbox-push' is taken"),
        (channels(push=[{"by_platform": {"web": batch() | {"name": "inbox"}}}], in_app=[{"kind": "inbox"}]), "'inbox' is taken"),
    ],
)
def test_a_bad_configuration_is_refused_with_the_place(config: Any, says: str) -> None:
    with pytest.raises(RegistryError, match=says):
        load(config)


def test_a_route_of_push_may_be_several_by_platform() -> None:
    ios = {"kind": "apns", "options": {"key": "${P8}", "key_id": "i", "team_id": "t", "topic": "com.example.Shop", "concurrency": 50}}
    android = {"kind": "fcm", "name": "google", "options": {"service_account": "${FCM}", "project_id": "p"}}
    line = {"name": "native", "weight": 3, "by_platform": {"ios": ios, "android": android, "web": WEB}}
    registry = load(channels(push=[line, batch()]), {"P8": "a", "FCM": "b"})
    assert {name: route.weight for name, route in registry["push"].items()} == {"native": 3, "sandbox-push": 1}
    native = registry["push"]["native"].provider
    assert isinstance(native, Platforms)
    assert isinstance(native, Composite)
    assert {platform: part.declaration.name for platform, part in native.parts.items()} == {
        "ios": "apns",
        "android": "google",
        "web": "web-push",
    }
    assert native.parts["ios"].declaration.concurrency == 50


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


def test_what_only_code_can_give_is_no_option() -> None:
    options = {"service_account": "${KEY}", "project_id": "p", "concurrency": "${MANY}"}
    provider = only(load(channels(push=[{"kind": "fcm", "options": options}]), {"KEY": "{}", "MANY": "7"}), "push")
    assert provider.declaration.concurrency == 7
    with pytest.raises(RegistryError, match=r"channels.push\[0\].options: is no option - at `\$.clock`"):
        load(channels(push=[{"kind": "fcm", "options": options | {"clock": 3}}]), {"KEY": "{}", "MANY": "7"})


def test_the_example_of_the_documentation_works() -> None:
    text = (Path(__file__).parents[3] / "docs" / "push.md").read_text(encoding="utf-8")
    example = yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0])
    keys = dict.fromkeys(("APNS_KEY", "APNS_KEY_ID", "FCM_KEY", "VAPID_KEY"), "key")
    provider = only(load(example, keys), "push")
    assert isinstance(provider, Platforms)
    assert provider.parts.keys() == {"ios", "android", "web"}
