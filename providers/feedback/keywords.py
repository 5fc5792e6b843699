"""The words by which people stop text messages, and start them again.

Twilio's own list, which CTIA's Messaging Principles ask of every sender:
https://help.twilio.com/hc/en-us/articles/223134027-Twilio-support-for-opt-out-keywords-SMS-STOP-filtering- and
https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
"""

STOP = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"})
START = frozenset({"start", "unstop"})
"""Without YES, which Twilio takes for START too: it answers many questions, and a STOP is not taken back by mistake."""


def said(text: str) -> str:
    """Return the kind of a message that is such a word and nothing else: stopped, started, or empty."""
    word = text.strip().strip(".!\"'").casefold()
    return "stopped" if word in STOP else "started" if word in START else ""
