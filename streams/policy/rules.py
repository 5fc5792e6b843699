"""May this be sent to this user on this channel, now? The first reason against it decides, in the order of `table.TABLE`. Pure.

The same rule decides when an audience is expanded and again right before the provider is called. Quiet hours and caps are asked after it
(`decision`).
"""

from collections.abc import Sequence

from schemas.records import Notification, Outcome, Profile
from streams.policy.policy import CategoryPolicy
from streams.policy.table import CONTROL, REASON_AGAINST, STATUS_OF, reasons_of

SEND = ""
(CANCELLED,) = reasons_of(CONTROL)
REASONS = reasons_of(REASON_AGAINST)
(
    EXPIRED,
    USER_UNKNOWN,
    CHANNEL_DISABLED,
    UNSUBSCRIBED,
    CATEGORY_MUTED,
    PHONE_NOT_VERIFIED,
    NO_ADDRESS,
    ADDRESS_SUPPRESSED,
) = REASONS


def reason_against(profile: Profile | None, channel: str, notification: Notification, binds: CategoryPolicy, now: int) -> str:
    """Why not to send; SEND ("") when nothing speaks against it. `now`: epoch ms.

    Called for each recipient and channel, so the table is written out: a loop over it takes half as long again. A test compares them.
    """
    if notification.expires_at is not None and now >= notification.expires_at:
        return EXPIRED
    if profile is None:
        return USER_UNKNOWN
    if channel not in profile.channels:
        return CHANNEL_DISABLED
    if channel == "email" and notification.category in profile.unsubscribed:
        return UNSUBSCRIBED
    if binds.mutes and notification.category in profile.muted_categories:
        return CATEGORY_MUTED
    if channel == "sms" and not profile.phone_verified:
        return PHONE_NOT_VERIFIED
    if profile.suppressed and all(address in profile.suppressed for address in _all_addresses(profile, channel)):
        return ADDRESS_SUPPRESSED if _all_addresses(profile, channel) else NO_ADDRESS
    if channel == "push":
        return SEND if profile.devices else NO_ADDRESS
    if channel == "in_app":
        return SEND
    if channel == "email":
        return SEND if profile.email else NO_ADDRESS
    return SEND if _all_addresses(profile, channel) else NO_ADDRESS


def addresses(profile: Profile, channel: str) -> Sequence[str]:
    """Where a channel reaches the user: every device or chat address, one for the others, but none that is suppressed; empty: nowhere."""
    found = _all_addresses(profile, channel)
    return [address for address in found if address not in profile.suppressed] if profile.suppressed else found


def devices(profile: Profile) -> Sequence[tuple[str, str]]:
    """The devices push reaches: `addresses`, each with what it is."""
    gone = profile.suppressed
    return [(device.token, device.platform) for device in profile.devices if device.token not in gone]


def chats(profile: Profile) -> Sequence[tuple[str, str]]:
    """Where chat reaches the user: `addresses`, each with its kind, which is the platform of its provider."""
    return [(address, kind) for kind, address in profile.chat.items() if address not in profile.suppressed]


def _all_addresses(profile: Profile, channel: str) -> Sequence[str]:
    if channel == "push":
        return [device.token for device in profile.devices]
    if channel == "in_app":
        return [profile.user_id]
    if channel == "chat":
        return list(profile.chat.values())
    address = profile.email if channel == "email" else profile.phone if channel == "sms" else ""
    return [address] if address else []


def outcome_of(reason: str) -> Outcome:
    """The status of a recipient who is not sent to."""
    return _OUTCOMES[reason]


_OUTCOMES = {reason: Outcome(status, reason) for reason, status in STATUS_OF.items()}
