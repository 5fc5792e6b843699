"""What an SMTP reply means: RFC 5321, 4954, 3207, 7504, and IANA's registry of enhanced status codes (RFC 3463 and after)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.codes import outcome_of
from providers.smtp_codes import PERMANENT, REPLIES, Stage, code_of

# https://www.iana.org/assignments/smtp-enhanced-status-codes: all x.y of the registry that a failure can have
REGISTERED = {
    "1": [0, 1, 2, 3, 4, 6, 7, 8, 9, 10],  # x.1.5 is for success
    "2": [0, 1, 2, 3, 4],
    "3": [0, 1, 2, 3, 4, 5],  # x.3.6 is for success
    "4": [0, 1, 2, 3, 4, 5, 6, 7],
    "5": [0, 1, 2, 3, 4, 5, 6],
    "6": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    "7": [*range(31)],
}
BAD_ADDRESS = {"1.1", "1.2", "1.3", "1.6", "1.10", "2.1"}
"""Of the recipient, "only useful for permanent failures", or a mailbox that takes no messages."""
OURS = {"1.7", "1.8", "3.5", "5.1", "5.5", "5.6", "7.8", "7.9", "7.10", "7.11", "7.12", "7.13", "7.14", "7.27", "7.29"}
OURS |= {f"7.{detail}" for detail in range(20, 27)}
"""Sender's address, sign-in, encryption, DKIM, SPF, reverse DNS: nothing another message or address would change."""
ALL = [f"{subject}.{detail}" for subject, details in REGISTERED.items() for detail in details]


def test_the_whole_registry_is_in_the_table() -> None:
    assert PERMANENT.keys() == set(ALL)


@pytest.mark.parametrize("detail", ALL)
def test_a_permanent_code_about_a_recipient(detail: str) -> None:
    expected = "bad_address" if detail in BAD_ADDRESS else "config" if detail in OURS else "permanent"
    assert code_of("rcpt", 550, f"5.{detail} because").meaning == expected


@pytest.mark.parametrize("detail", ALL)
@pytest.mark.parametrize("stage", ["connect", "auth"])
def test_before_a_message_everything_permanent_is_ours(stage: Stage, detail: str) -> None:
    assert code_of(stage, 554, f"5.{detail} because").meaning == "config"


@pytest.mark.parametrize("detail", ALL)
def test_a_text_that_is_refused_ends_no_address(detail: str) -> None:
    assert code_of("data", 554, f"5.{detail} because").meaning == ("config" if detail in OURS else "permanent")


@pytest.mark.parametrize("detail", ALL)
def test_a_copy_that_is_refused_ends_no_address(detail: str) -> None:
    assert code_of("copy", 550, f"5.{detail} because").meaning == ("config" if detail in OURS else "permanent")


@pytest.mark.parametrize("detail", ALL)
@pytest.mark.parametrize("stage", ["connect", "auth", "mail", "rcpt", "copy", "data"])
def test_a_transient_code_is_never_for_good(stage: Stage, detail: str) -> None:
    expected = "unavailable" if detail[0] in "34" else "throttled"
    assert code_of(stage, 450, f"4.{detail} because").meaning == expected


@pytest.mark.parametrize(
    ("stage", "reply", "text", "meaning"),
    [
        # RFC 5321 4.2.3, without enhanced codes
        ("connect", 421, "mx.example.com Service not available", "unavailable"),
        ("mail", 421, "mx.example.com closing", "unavailable"),
        ("rcpt", 421, "mx.example.com closing", "unavailable"),
        ("data", 421, "mx.example.com closing", "unavailable"),
        ("rcpt", 450, "Requested mail action not taken: mailbox unavailable", "throttled"),
        ("data", 451, "Requested action aborted: error in processing", "unavailable"),
        ("mail", 452, "Requested action not taken: insufficient system storage", "throttled"),
        ("mail", 455, "Server unable to accommodate parameters", "unavailable"),
        ("connect", 500, "Syntax error, command unrecognized", "config"),
        ("data", 500, "Line too long", "permanent"),
        ("rcpt", 501, "Syntax error in parameters or arguments", "bad_address"),
        ("mail", 501, "Syntax error in parameters or arguments", "config"),
        ("connect", 502, "Command not implemented", "config"),
        ("mail", 503, "Bad sequence of commands", "unavailable"),
        ("mail", 504, "Command parameter not implemented", "config"),
        ("rcpt", 550, "Requested action not taken: mailbox unavailable", "permanent"),
        ("mail", 550, "Requested action not taken", "config"),
        ("rcpt", 551, "User not local; please try <forward-path>", "permanent"),
        ("rcpt", 552, "Requested mail action aborted: exceeded storage allocation", "permanent"),
        ("data", 552, "Requested mail action aborted: exceeded storage allocation", "permanent"),
        ("rcpt", 553, "Requested action not taken: mailbox name not allowed", "bad_address"),
        ("copy", 553, "Requested action not taken: mailbox name not allowed", "permanent"),
        ("mail", 553, "Requested action not taken: mailbox name not allowed", "config"),
        ("connect", 554, "No SMTP service here", "config"),
        ("data", 554, "Transaction failed", "permanent"),
        ("mail", 555, "MAIL FROM/RCPT TO parameters not recognized or not implemented", "config"),
        # RFC 7504
        ("connect", 521, "Server does not accept mail", "config"),
        ("rcpt", 556, "Domain does not accept mail", "bad_address"),
        # RFC 4954
        ("auth", 432, "4.7.12 A password transition is needed", "config"),
        ("auth", 454, "4.7.0 Temporary authentication failure", "unavailable"),
        ("auth", 534, "5.7.9 Authentication mechanism is too weak", "config"),
        ("auth", 535, "5.7.8 Authentication credentials invalid", "config"),
        ("auth", 535, "Incorrect authentication data", "config"),
        ("auth", 500, "5.5.6 Authentication Exchange line is too long", "config"),
        ("mail", 530, "5.7.0 Authentication required", "config"),
        ("rcpt", 530, "5.7.0 Authentication required", "config"),
        ("auth", 538, "5.7.11 Encryption required for requested authentication mechanism", "config"),
        # RFC 3207
        ("connect", 454, "TLS not available due to temporary reason", "unavailable"),
        ("mail", 530, "5.7.0 Must issue a STARTTLS command first", "config"),
        # RFC 1870, RFC 6531
        ("mail", 552, "5.3.4 Message size exceeds fixed maximum message size", "permanent"),
        ("mail", 550, "5.6.7 Non-ASCII addresses not permitted for that sender", "permanent"),
        # what servers say to one who is not signed in, or sends as somebody else
        ("rcpt", 554, "5.7.1 <a@example.com>: Relay access denied", "config"),
        ("rcpt", 550, "relay not permitted", "config"),
        ("rcpt", 550, "5.1.1 <a@relay.example>: no such user", "bad_address"),
        ("mail", 553, "5.7.1 <shop@example.com>: Sender address rejected: not owned by user", "config"),
        # codes nobody has written down yet, classes that contradict each other
        ("rcpt", 559, "new", "permanent"),
        ("rcpt", 550, "5.9.99 new", "permanent"),
        ("data", 459, "new", "throttled"),
        ("rcpt", 450, "5.1.1 confused", "throttled"),
        ("rcpt", 550, "4.2.2 confused", "permanent"),
        # no failure, and no success either
        ("rcpt", 252, "Cannot VRFY user, but will accept message", "unavailable"),
        ("data", 250, "where 354 is wished", "unknown"),
        ("data", 199, "", "unknown"),
    ],
)
def test_a_documented_reply(stage: Stage, reply: int, text: str, meaning: str) -> None:
    assert code_of(stage, reply, text).meaning == meaning


def test_every_reply_code_of_the_rfcs_is_there() -> None:
    rfc_5321 = {421, 450, 451, 452, 455, 500, 501, 502, 503, 504, 550, 551, 552, 553, 554, 555}
    assert REPLIES.keys() == rfc_5321 | {432, 454, 530, 534, 535, 538} | {521, 556}


@given(st.sampled_from(["connect", "auth", "mail", "rcpt", "copy", "data"]), st.integers(-1, 999), st.text(max_size=30))
def test_any_reply_has_a_meaning(stage: Stage, reply: int, text: str) -> None:
    code = code_of(stage, reply, text)
    outcome_of(code, text)
    assert code.meaning not in ("permanent", "bad_address") or reply >= 500
    assert code.meaning != "bad_address" or stage == "rcpt"
    assert code.meaning != "unknown" or stage == "data"
