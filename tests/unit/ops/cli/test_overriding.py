"""`--overrides` and `--attach`: what files say, and what is said of those that can't be."""

import json
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ops.cli.errors import BadRequest
from ops.cli.overriding import MAX_FILE_BYTES, attachment, overrides_of, parsed
from schemas.records import Attachment, EmailOverrides, Overrides, PushOverrides
from tests.emulators.played import CHAT, EMAIL, PUSH, SMS

YAML = """
# beside the text
push:
  image: https://shop.example/x.png
  badge: 3
  data: {order: "17"}
email:
  cc: [bo@shop.example]
  attachments:
    - {filename: a.pdf, content_type: application/pdf, content: JVBERi0xLjQ=}
"""
ASKED = Overrides(
    email=EmailOverrides(cc=["bo@shop.example"], attachments=[Attachment("a.pdf", "application/pdf", b"%PDF-1.4")]),
    push=PushOverrides(image="https://shop.example/x.png", badge=3, data={"order": "17"}),
)


def file(folder: Path, content: str | bytes, name: str = "o.yaml") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_yaml_and_json_say_the_same(tmp_path: Path) -> None:
    assert overrides_of(file(tmp_path, YAML), []) == ASKED
    assert overrides_of(file(tmp_path, "\n" + json.dumps(yaml.safe_load(YAML), indent="\t")), []) == ASKED
    assert overrides_of(None, []) is None


def test_whatever_a_record_says_can_be_written() -> None:
    everything = Overrides(EMAIL, PUSH, SMS, CHAT)
    assert parsed("x", msgspec.json.encode(everything)) == everything


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Expected `object`, got `null`"),
        ("fax: {}", "unknown field `fax`"),
        ('{"push": {"snd": "x"}}', "unknown field `snd` - at `$.push`"),
        ("push: {sound: yes}", "Expected `str`, got `bool` - at `$.push.sound`"),
        ("push: {badge: 1.5}", "Expected `int | null`, got `float` - at `$.push.badge`"),
        ("push: {data: {order: 17}}", "Expected `str`, got `int` - at `$.push.data[...]`"),
        ("email: {cc: bo@shop.example}", "Expected `array`, got `str` - at `$.email.cc`"),
        ("email: {attachments: [{filename: a}]}", "missing required field `content_type` - at `$.email.attachments[0]`"),
        ("email: {attachments: [{filename: a, content_type: a/b, content: '%'}]}", "Invalid base64 encoded string - at `$.email.attach"),
        ("push: {}\npush: {}", "key 'push' is there twice"),
        ("push: {data: {x: 2026-13-45}}", "month must be in 1..12"),
        ("push: [", "while parsing a flow"),
        ('{"push": ', "Input data was truncated"),
        ("\xff\x00", "special characters are not allowed"),
        ("push: {image: x.png}", "push.image is no URL that begins with http:// or https://"),
        ("email: {bcc: [a@shop.example, bo]}", "email.bcc[1] is no e-mail address"),
        (f"push: {{data: {{x: {'.' * 50_000}}}}}", "overrides have 501"),
        ("#" * (MAX_FILE_BYTES + 1), f"has more than {MAX_FILE_BYTES} bytes"),
    ],
)
def test_what_can_not_be_is_one_line_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    path = file(tmp_path, text)
    with pytest.raises(BadRequest) as refused:
        overrides_of(path, [])
    assert str(path) in str(refused.value)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_files_go_with_the_e_mail_after_those_of_the_overrides(tmp_path: Path) -> None:
    path = file(tmp_path, b"\x89PNG", "logo.png")
    overrides = overrides_of(file(tmp_path, YAML), [path, path])
    assert overrides is not None
    assert overrides.email is not None
    assert [each.filename for each in overrides.email.attachments] == ["a.pdf", "logo.png", "logo.png"]
    assert (overrides.email.cc, overrides.push) == (["bo@shop.example"], ASKED.push)
    assert overrides_of(None, [path]) == Overrides(email=EmailOverrides(attachments=[Attachment("logo.png", "image/png", b"\x89PNG")]))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.pdf", "application/pdf"), ("a.ics", "text/calendar"), ("a", "application/octet-stream"), ("a.tar.gz", "application/octet-stream")],
)
def test_the_media_type_is_what_the_name_speaks_for(name: str, kind: str) -> None:
    assert attachment(name, b"") == Attachment(name, kind, b"")


def test_a_file_that_is_too_large_is_named(tmp_path: Path) -> None:
    fits, large = file(tmp_path, b"." * 32_768, "fits.bin"), file(tmp_path, b"." * 32_769, "large.bin")
    assert overrides_of(None, [fits]) is not None
    with pytest.raises(BadRequest, match="large.bin has more than 32768 bytes: what is larger goes as a link"):
        overrides_of(None, [large])
    with pytest.raises(BadRequest, match="--attach .*fits.bin: overrides have 65773 bytes in all; the limit is 49152"):
        overrides_of(None, [fits, fits])


@given(st.binary(max_size=60) | st.sampled_from([b'{"push": %s}', b"push: %s", b"email: {cc: %s}"]).flatmap(
    lambda shape: st.binary(max_size=20).map(lambda some: shape.replace(b"%s", some))
))  # fmt: skip
def test_any_bytes_are_overrides_or_a_bad_request(text: bytes) -> None:
    try:
        made: Overrides | str = parsed("x", text)
    except BadRequest as error:
        made = str(error)
    assert isinstance(made, Overrides) or made.startswith("x: ")
