"""May this be sent to this user on this channel, now? The first reason against it decides. Pure.

Order: expired, user_unknown, channel_disabled, category_muted, phone_not_verified, no_address.
The same rule decides when an audience is expanded and again right before the provider is called.
"""

from collections.abc import Sequence

from schemas.records import Notification, Outcome, Profile
from streams.policy.policy import CategoryPolicy

SEND = ""
EXPIRED = "expired"
USER_UNKNOWN = "user_unknown"
CHANNEL_DISABLED = "channel_disabled"
CATEGORY_MUTED = "category_muted"
PHONE_NOT_VERIFIED = "phone_not_verified"
NO_ADDRESS = "no_address"
REASONS = (EXPIRED, USER_UNKNOWN, CHANNEL_DISABLED, CATEGORY_MUTED, PHONE_NOT_VERIFIED, NO_ADDRESS)

_STATUS = {EXPIRED: "expired"}


def reason_against(profile: Profile | None, channel: str, notification: Notification, binds: CategoryPolicy, now: int) -> str:
    """Why not to send; SEND ("") when nothing speaks against it. `now`: epoch ms."""
    if notification.expires_at is not None and now >= notification.expires_at:
        return EXPIRED
    if profile is None:
        return USER_UNKNOWN
    if channel not in profile.channels:
        return CHANNEL_DISABLED
    if binds.mutes and notification.category in profile.muted_categories:
        return CATEGORY_MUTED
    return _address_reason(profile, channel)


def addresses(profile: Profile, channel: str) -> Sequence[str]:
    """Where a channel reaches the user: every device for push, one address for the others; empty: nowhere."""
    if channel == "push":
        return [device.token for device in profile.devices]
    if channel == "in_app":
        return [profile.user_id]
    address = profile.email if channel == "email" else profile.phone if channel == "sms" else ""
    return [address] if address else []


def outcome_of(reason: str) -> Outcome:
    """The status of a recipient who is not sent to."""
    return Outcome(_STATUS.get(reason, "suppressed"), reason)


def _address_reason(profile: Profile, channel: str) -> str:
    if channel == "push":
        return SEND if profile.devices else NO_ADDRESS
    if channel == "email":
        return SEND if profile.email else NO_ADDRESS
    if channel == "sms" and not profile.phone_verified:
        return PHONE_NOT_VERIFIED
    return SEND if addresses(profile, channel) else NO_ADDRESS
