"""What an SMTP server's own words say of an address. https://www.rfc-editor.org/rfc/rfc3463 (enhanced status codes) and its IANA registry.

Only what is said of the mailbox or its domain counts; 5.1.7 and 5.1.8 are of the sender's address, 5.7.x of policy.
"""

import re

DEAD = frozenset({"5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""Other address status, bad mailbox, bad system, bad syntax, mailbox moved, domain that takes no mail (RFC 7505), mailbox disabled."""
_CODE = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])", re.ASCII)


def is_dead(text: str) -> bool:
    """Return whether the first enhanced status code in a text says that nothing can be sent to the address any more."""
    found = _CODE.search(text)
    return found is not None and found[0] in DEAD
