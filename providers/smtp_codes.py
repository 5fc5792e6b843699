"""What an SMTP server's replies mean, by where in the transaction they come. Pure.

The enhanced code says more than the reply code, where there is one: https://www.iana.org/assignments/smtp-enhanced-status-codes
(RFC 3463 and its successors). Reply codes: RFC 5321 4.2.3, RFC 4954 6 (sign-in), RFC 3207 4 (TLS), RFC 7504 (521, 556).
"""

import re
from typing import Literal, TypeAlias

from providers.codes import Code

Stage: TypeAlias = Literal["connect", "auth", "mail", "rcpt", "copy", "data"]
"""connect   greeting, EHLO, STARTTLS, RSET
auth      sign-in
mail      MAIL FROM: the sender
rcpt      RCPT TO of whom the message is for
copy      RCPT TO of a copy
data      DATA, and the answer to the text
"""

PERMANENT: dict[str, Code] = {
    "1.0": Code("permanent", "address_status", "Other address status"),
    "1.1": Code("bad_address", "no_such_mailbox", "Bad destination mailbox address"),
    "1.2": Code("bad_address", "no_such_domain", "Bad destination system address"),
    "1.3": Code("bad_address", "bad_address_syntax", "Bad destination mailbox address syntax"),
    "1.4": Code("permanent", "ambiguous_address", "Destination mailbox address ambiguous"),
    "1.6": Code("bad_address", "mailbox_moved", "Destination mailbox has moved, no forwarding address"),
    "1.7": Code("config", "bad_sender", "Bad sender's mailbox address syntax"),
    "1.8": Code("config", "bad_sender_domain", "Bad sender's system address"),
    "1.9": Code("permanent", "non_compliant_mailer", "Message relayed to non-compliant mailer"),
    "1.10": Code("bad_address", "null_mx", "Recipient address has null MX"),
    "2.0": Code("permanent", "mailbox_status", "Other or undefined mailbox status"),
    "2.1": Code("bad_address", "mailbox_disabled", "Mailbox disabled, not accepting messages"),
    "2.2": Code("permanent", "mailbox_full", "Mailbox full"),
    "2.3": Code("permanent", "too_large", "Message length exceeds administrative limit"),
    "2.4": Code("permanent", "mailing_list", "Mailing list expansion problem"),
    "3.0": Code("permanent", "system_status", "Other or undefined mail system status"),
    "3.1": Code("permanent", "system_full", "Mail system full"),
    "3.2": Code("permanent", "not_accepting", "System not accepting network messages"),
    "3.3": Code("permanent", "not_capable", "System not capable of selected features"),
    "3.4": Code("permanent", "too_large", "Message too big for system"),
    "3.5": Code("config", "system_misconfigured", "System incorrectly configured"),
    "4.0": Code("permanent", "network_status", "Other or undefined network or routing status"),
    "4.1": Code("permanent", "no_answer_from_host", "No answer from host"),
    "4.2": Code("permanent", "bad_connection", "Bad connection"),
    "4.3": Code("permanent", "directory_failure", "Directory server failure"),
    "4.4": Code("permanent", "unable_to_route", "Unable to route"),
    "4.5": Code("permanent", "congestion", "Mail system congestion"),
    "4.6": Code("permanent", "routing_loop", "Routing loop detected"),
    "4.7": Code("permanent", "expired", "Delivery time expired"),
    "5.0": Code("permanent", "protocol_status", "Other or undefined protocol status"),
    "5.1": Code("config", "invalid_command", "Invalid command"),
    "5.2": Code("permanent", "syntax_error", "Syntax error"),
    "5.3": Code("permanent", "too_many_recipients", "Too many recipients"),
    "5.4": Code("permanent", "invalid_arguments", "Invalid command arguments"),
    "5.5": Code("config", "wrong_version", "Wrong protocol version"),
    "5.6": Code("config", "auth_line_too_long", "Authentication Exchange line is too long"),
    "6.0": Code("permanent", "media_error", "Other or undefined media error"),
    "6.1": Code("permanent", "media_not_supported", "Media not supported"),
    "6.2": Code("permanent", "conversion_prohibited", "Conversion required and prohibited"),
    "6.3": Code("permanent", "conversion_not_supported", "Conversion required but not supported"),
    "6.4": Code("permanent", "conversion_with_loss", "Conversion with loss performed"),
    "6.5": Code("permanent", "conversion_failed", "Conversion failed"),
    "6.6": Code("permanent", "content_not_available", "Message content not available"),
    "6.7": Code("permanent", "international_address", "Non-ASCII addresses not permitted for that sender/recipient"),
    "6.8": Code("permanent", "utf8_reply", "UTF-8 string reply is required, but not permitted by the SMTP client"),
    "6.9": Code("permanent", "utf8_header", "UTF-8 header message cannot be transferred to one or more recipients"),
    "6.10": Code("permanent", "utf8_reply", "UTF-8 string reply is required, but not permitted by the SMTP client"),
    "7.0": Code("permanent", "security_status", "Other or undefined security status"),
    "7.1": Code("permanent", "not_authorized", "Delivery not authorized, message refused"),
    "7.2": Code("permanent", "mailing_list_prohibited", "Mailing list expansion prohibited"),
    "7.3": Code("permanent", "security_conversion", "Security conversion required but not possible"),
    "7.4": Code("permanent", "security_not_supported", "Security features not supported"),
    "7.5": Code("permanent", "cryptographic_failure", "Cryptographic failure"),
    "7.6": Code("permanent", "cryptographic_algorithm", "Cryptographic algorithm not supported"),
    "7.7": Code("permanent", "message_integrity", "Message integrity failure"),
    "7.8": Code("config", "bad_credentials", "Authentication credentials invalid"),
    "7.9": Code("config", "weak_mechanism", "Authentication mechanism is too weak"),
    "7.10": Code("config", "encryption_needed", "Encryption needed"),
    "7.11": Code("config", "encryption_required", "Encryption required for requested authentication mechanism"),
    "7.12": Code("config", "password_transition", "A password transition is needed"),
    "7.13": Code("config", "account_disabled", "User account disabled"),
    "7.14": Code("config", "trust_required", "Trust relationship required"),
    "7.15": Code("permanent", "priority_too_low", "Priority level is too low"),
    "7.16": Code("permanent", "too_large", "Message is too big for the specified priority"),
    "7.17": Code("permanent", "mailbox_owner_changed", "Mailbox owner has changed"),
    "7.18": Code("permanent", "domain_owner_changed", "Domain owner has changed"),
    "7.19": Code("permanent", "rrvs_test", "RRVS test cannot be completed"),
    "7.20": Code("config", "no_dkim", "No passing DKIM signature found"),
    "7.21": Code("config", "no_acceptable_dkim", "No acceptable DKIM signature found"),
    "7.22": Code("config", "no_matching_dkim", "No valid author-matched DKIM signature found"),
    "7.23": Code("config", "spf_failed", "SPF validation failed"),
    "7.24": Code("config", "spf_error", "SPF validation error"),
    "7.25": Code("config", "reverse_dns", "Reverse DNS validation failed"),
    "7.26": Code("config", "authentication_checks", "Multiple authentication checks failed"),
    "7.27": Code("config", "sender_null_mx", "Sender address has null MX"),
    "7.28": Code("permanent", "mail_flood", "Mail flood detected"),
    "7.29": Code("config", "arc_failure", "ARC validation failure"),
    "7.30": Code("permanent", "require_tls", "REQUIRETLS support required"),
}
"""5.x.y, by x.y. About a mailbox or an address only where the registry says so of the destination."""

REPLIES: dict[int, Code] = {
    421: Code("unavailable", "closing", "Service not available, closing transmission channel"),
    432: Code("config", "password_transition", "A password transition is needed"),
    450: Code("throttled", "mailbox_busy", "Requested mail action not taken: mailbox unavailable"),
    451: Code("unavailable", "local_error", "Requested action aborted: local error in processing"),
    452: Code("throttled", "insufficient_storage", "Requested action not taken: insufficient system storage"),
    454: Code("unavailable", "temporary_failure", "Temporary authentication failure; TLS not available due to temporary reason"),
    455: Code("unavailable", "parameters", "Server unable to accommodate parameters"),
    500: Code("config", "unrecognized", "Syntax error, command unrecognized"),
    501: Code("config", "bad_parameters", "Syntax error in parameters or arguments"),
    502: Code("config", "not_implemented", "Command not implemented"),
    503: Code("unavailable", "bad_sequence", "Bad sequence of commands"),
    504: Code("config", "parameter_not_implemented", "Command parameter not implemented"),
    521: Code("config", "no_mail_here", "Host does not accept mail"),
    530: Code("config", "auth_required", "Authentication required; must issue a STARTTLS command first"),
    534: Code("config", "weak_mechanism", "Authentication mechanism is too weak"),
    535: Code("config", "bad_credentials", "Authentication credentials invalid"),
    538: Code("config", "encryption_required", "Encryption required for requested authentication mechanism"),
    550: Code("permanent", "mailbox_unavailable", "Requested action not taken: mailbox unavailable (not found, no access, or policy)"),
    551: Code("permanent", "not_local", "User not local; please try <forward-path>"),
    552: Code("permanent", "too_large", "Requested mail action aborted: exceeded storage allocation"),
    553: Code("permanent", "mailbox_name", "Requested action not taken: mailbox name not allowed"),
    554: Code("permanent", "transaction_failed", "Transaction failed; no SMTP service here"),
    555: Code("config", "parameters_not_recognized", "MAIL FROM/RCPT TO parameters not recognized or not implemented"),
    556: Code("bad_address", "domain_takes_no_mail", "Domain does not accept mail"),
}

_OF_RECIPIENT = {
    501: Code("bad_address", "bad_address_syntax", "Syntax error in parameters or arguments"),
    553: Code("bad_address", "bad_address_syntax", "Mailbox name not allowed (e.g., mailbox syntax incorrect)"),
}
_OF_TEXT = {500: Code("permanent", "line_too_long", "Syntax error (this may include errors such as line too long)")}
_SIGN_IN = frozenset({530, 534, 535, 538})
_OF_THE_MESSAGE = {"too_large", "international_address", "utf8_header", "priority_too_low"}
_RELAY = Code("config", "relay_denied", "Delivery not authorized: no relaying for us")
_LATER = Code("throttled", "try_later", "Persistent transient failure")
_DOWN = Code("unavailable", "system_failure", "Mail system or network failure")
_ODD = Code("unknown", "odd_reply", "not a reply of the protocol")
_ENHANCED = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})\b")


def code_of(stage: Stage, reply: int, text: str) -> Code:
    """Return what a reply that is no success means there. `text`: what stands after the reply code."""
    if not 400 <= reply <= 599:
        return _ODD if stage == "data" else _DOWN
    enhanced = _ENHANCED.match(text)
    if reply < 500:
        return _transient(reply, enhanced)
    return _at(stage, _permanent(stage, reply, enhanced), text)


def _transient(reply: int, enhanced: re.Match[str] | None) -> Code:
    """4xx is never for good, whatever is behind it; of systems and networks (x.3.y, x.4.y) somebody else is at fault."""
    if enhanced is None or enhanced[1] != "4" or enhanced[2] == "0" or reply in (421, 432, 454):
        return REPLIES.get(reply, _LATER)
    return _DOWN if enhanced[2] in ("3", "4") else _LATER


def _permanent(stage: Stage, reply: int, enhanced: re.Match[str] | None) -> Code:
    if reply in _SIGN_IN:
        return REPLIES[reply]
    if enhanced is not None and enhanced[1] == "5" and (found := PERMANENT.get(f"{enhanced[2]}.{enhanced[3]}")):
        return found
    special = _OF_RECIPIENT if stage in ("rcpt", "copy") else _OF_TEXT if stage == "data" else {}
    return special.get(reply) or REPLIES.get(reply) or REPLIES[550 if stage in ("rcpt", "copy") else 554]


def _at(stage: Stage, code: Code, text: str) -> Code:
    """What is for good is the message's, the address's, or ours: that depends on what was asked."""
    if code.meaning not in ("permanent", "bad_address"):
        return code
    if stage in ("connect", "auth") or (stage == "mail" and code.reason not in _OF_THE_MESSAGE):
        return code._replace(meaning="config")
    if stage == "rcpt" and code.reason in ("not_authorized", "transaction_failed", "mailbox_unavailable") and "relay" in text.lower():
        return _RELAY
    return code if stage == "rcpt" else code._replace(meaning="permanent")
