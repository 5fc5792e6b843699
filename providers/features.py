"""What a message may have beside its body, by name; a provider declares which of it it carries. Pure."""

from schemas.records import ChatOverrides, EmailOverrides, PushOverrides, SmsOverrides

TEXTS = frozenset({"subject", "title", "html", "unsubscribe"})
EMAIL = frozenset(f"email.{name}" for name in EmailOverrides.__struct_fields__)
PUSH = frozenset(f"push.{name}" for name in PushOverrides.__struct_fields__)
SMS = frozenset(f"sms.{name}" for name in SmsOverrides.__struct_fields__)
CHAT = frozenset(f"chat.{name}" for name in ChatOverrides.__struct_fields__)
FEATURES = TEXTS | EMAIL | PUSH | SMS | CHAT
