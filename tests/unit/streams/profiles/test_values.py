"""What a change may say, and what is left of one that says something else too."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import Device, QuietHours
from streams.profiles.values import ValueInvalid, checked, require_ordered
from tests.unit.streams.make import change

ZONES = frozenset({"UTC", "Europe/Oslo"})
GOOD: list[tuple[str, Any]] = [
    ("time_zone", "Europe/Oslo"),
    ("email", ""),
    ("email", "ann+x@example.org"),
    ("email", "\u00e5nn@\u00f8rsta.no"),
    ("phone", ""),
    ("phone", "+4712345678"),
    ("phone", "+123456789012345"),
    ("quiet_hours", QuietHours(0, 1439)),
    ("quiet_hours", QuietHours(1320, 420)),
    ("frequency_cap", 0),
    ("daily_digest", 0),
    ("daily_digest", 23),
    ("channels", ["push", "email", "sms", "in_app", "chat"]),
    ("devices", [Device("ios", "a"), Device("android", "b"), Device("web", "c")]),
    ("reset", ["quiet_hours", "tags", "chat"]),
    ("chat", {}),
    ("chat", {"slack": "U012AB3CD", "teams": "https://x.logic.azure.com/w?sig=s", "my_own-chat2": "anything"}),
    ("chat", {"webhook": "https://x.example/" + "a" * 2030}),
    *[("language", tag) for tag in ("en", "nb-NO", "zh-Hant-TW", "de-CH-1996", "es-419", "sl-rozaj-biske", "en-u-ca-gregory-x-y", "EN-gb")],
]
BAD: list[tuple[str, Any, str]] = [
    ("time_zone", "Mars/Olympus", "time_zone 'Mars/Olympus' is no IANA time zone"),
    ("time_zone", "", "time_zone '' is no"),
    ("email", "ann.example.org", "email of 15 characters is no address"),
    ("email", "a@b@c", "email of 5 characters"),
    ("email", "a b@c", "email"),
    ("email", "a@b\r\nBcc: c@d", "email"),
    ("email", "a" * 250 + "@x.no", "email of 255 characters"),
    ("phone", "4712345678", "phone of 10 characters is no E.164 number"),
    ("phone", "+0712345678", "phone"),
    ("phone", "+1234567890123456", "phone"),
    ("phone", "+47 12 34", "phone"),
    ("phone", "+\u0664\u0665\u0666", "phone"),
    ("language", "en_US", "language 'en_US' is no BCP 47 tag"),
    ("language", "", "language"),
    ("language", "en-", "language"),
    ("language", "e", "language"),
    ("quiet_hours", QuietHours(-1, 5), "quiet_hours -1 is no minute of a day"),
    ("quiet_hours", QuietHours(5, 1440), "quiet_hours 1440 is no minute"),
    ("quiet_hours", QuietHours(60, 60), "quiet_hours begin and end at minute 60; for none reset quiet_hours"),
    ("frequency_cap", -1, "frequency_cap -1 is below 0"),
    ("daily_digest", 24, "daily_digest 24 is no hour"),
    ("daily_digest", -1, "daily_digest -1"),
]
PARTLY: list[tuple[str, Any, Any, str]] = [
    ("channels", ["email", "telegram"], ["email"], "channels 'telegram' is none of chat, email, in_app, push, sms"),
    ("channels", ["telegram"], [], "channels 'telegram'"),
    (
        "devices",
        [Device("ios", "a"), Device("symbian", "b")],
        [Device("ios", "a")],
        "devices platform 'symbian' is none of android, ios, web",
    ),
    ("add_devices", [Device("ios", "")], [], "add_devices has an empty address"),
    ("remove_devices", ["", "a"], ["a"], "remove_devices has an empty address"),
    ("suppress", {"": "stop", "a@x": "stop"}, {"a@x": "stop"}, "suppress has an empty address"),
    ("unsuppress", [""], [], "unsuppress has an empty address"),
    ("unsubscribe", ["", "promotional"], ["promotional"], "unsubscribe has an empty category"),
    ("resubscribe", [""], [], "resubscribe has an empty category"),
    ("chat", {"slack": "U1", "Teams": "x"}, {"slack": "U1"}, "chat kind 'Teams' is no name"),
    ("chat", {"slack": "U1", "": "x"}, {"slack": "U1"}, "chat kind '' is no name"),
    ("chat", {"slack": "U1", "x" * 33: "x"}, {"slack": "U1"}, "chat kind 'xxx"),
    ("chat", {"slack": "", "webhook": "https://x.example"}, {"webhook": "https://x.example"}, "chat slack: of 0 characters is no address"),
    ("chat", {"slack": "U1 U2"}, {}, "chat slack: of 5 characters is no address"),
    ("chat", {"webhook": "https://x.example/\r\nHost: y"}, {}, "chat webhook: of 27 characters"),
    ("chat", {"webhook": "https://x.example/" + "a" * 2031}, {}, "chat webhook: of 2049 characters"),
    ("reset", ["quiet_hours", "shoe_size", "user_id"], ["quiet_hours"], "reset 'shoe_size' is no field that can be reset"),
]


@pytest.mark.parametrize(("field", "value"), GOOD)
def test_what_may_be_said(field: str, value: Any) -> None:
    said = change(whole=True, **{field: value})
    assert checked(said, ZONES) == (said, [])


@pytest.mark.parametrize(("field", "value", "says"), BAD)
def test_what_can_t_be_is_left_out_and_the_rest_counts(field: str, value: Any, says: str) -> None:
    left, faults = checked(change(channels=[], whole=True, **{field: value}), ZONES)
    assert left == change(channels=[])
    assert len(faults) == 1
    assert faults[0].startswith(f"ann: {says}")


@pytest.mark.parametrize(("field", "value", "good", "says"), PARTLY)
def test_of_a_list_what_can_be_stays(field: str, value: Any, good: Any, says: str) -> None:
    left, faults = checked(change(tags=["x"], **{field: value}), ZONES)
    assert left == change(tags=["x"], **{field: good})
    assert faults[0].startswith(f"ann: {says}")


def test_every_fault_is_named() -> None:
    _, faults = checked(change(time_zone="X", language="_", frequency_cap=-3), ZONES)
    assert len(faults) == 3


def test_no_address_is_in_a_fault() -> None:
    _, faults = checked(change(email="secret.example", phone="secret", devices=[Device("x", "secret")], chat={"slack": "secret "}), ZONES)
    assert len(faults) == 4
    assert "secret" not in " ".join(faults)


@pytest.mark.parametrize(
    ("said", "says"),
    [(change(position=-1), "source_position -1"), (change(source=""), "source ''"), (change(source="a#b"), "source 'a#b'")],
)
def test_a_change_without_an_order_is_refused(said: Any, says: str) -> None:
    with pytest.raises(ValueInvalid, match=says):
        require_ordered(said)


TEXT = st.text(max_size=8)


@given(st.fixed_dictionaries({}, optional={"email": TEXT, "language": TEXT, "time_zone": TEXT, "phone": TEXT, "channels": st.lists(TEXT)}))
def test_what_is_left_has_no_fault(said: dict[str, Any]) -> None:
    left, _ = checked(change(**said), ZONES)
    assert checked(left, ZONES) == (left, [])
    assert msgspec.structs.replace(left, **said) == change(**said)
