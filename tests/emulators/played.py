"""The providers whose public API is played by an emulator: what the contract needs to know of each. One line a provider."""

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec.structs import replace as replaced

from providers.apns import Apns
from providers.base import AnyProvider, Message, Outcome
from providers.fcm import Fcm
from providers.features import FEATURES
from providers.mailgun import Mailgun
from providers.postmark import Postmark
from providers.secret import Secret
from providers.sendgrid import SendGrid
from providers.ses import Ses
from providers.slack import Slack
from providers.smtp import Smtp
from providers.sns import Sns
from providers.teams import Teams
from providers.twilio import Twilio
from providers.vonage import Vonage
from providers.web_push import WebPush
from providers.webhook import Webhook
from schemas.records import Attachment, ChatOverrides, EmailOverrides, PushOverrides, SmsOverrides
from tests.emulators import apns, aws, fcm, mailgun, postmark, sendgrid, ses, slack, smtp, sns, teams, twilio, vonage, web_push, webhook
from tests.emulators.server import Emulator, blames_us, is_down


class Played(NamedTuple):
    """`make`: the provider in front of an emulator that listens, with a key, and options of its constructor.

    `key`: what the emulator takes, empty where there is none; `wrong`: what it does not. `address`: valid ones, each its own. `dead`: one
    that the provider says is of no more use; empty: it says so of none. `relative`: addresses are URLs, and these their paths at the
    emulator. `wrong_means`: what a wrong key is; our fault, but where the far end is the recipient's own.
    """

    emulator: Callable[[], Emulator]
    make: Callable[..., AnyProvider]
    key: str
    wrong: str
    address: Callable[[int], str]
    dead: str = ""
    platform: str = ""
    relative: bool = False
    wrong_means: Callable[[Outcome], bool] = blames_us


def email_address(number: int) -> str:
    return f"user-{number}@example.com"


def made_sendgrid(at: Emulator, key: Secret, **options: Any) -> SendGrid:
    return SendGrid("email", key, sendgrid.SENDER, base_url=at.base_url, **options)


def apns_token(number: int) -> str:
    return f"00fc13adff785122b4ad28809a342098234124142134809787{number:014x}"


def made_apns(at: Emulator, key: Secret, **options: Any) -> Apns:
    return Apns("push", key, Secret(apns.KEY_ID), apns.TEAM, apns.TOPIC, base_url=at.base_url, **options)


def browser_name(number: int) -> str:
    return f"browser-{number}"


def made_web_push(at: Emulator, key: Secret, **options: Any) -> WebPush:
    return WebPush("push", key, web_push.SUBJECT, services=("127.0.0.1",), **options)


def fcm_token(number: int) -> str:
    return f"device{number}:APA91bHun4MxP5egoKMwt2KZFBaFUH"


def made_fcm(at: Emulator, key: Secret, **options: Any) -> Fcm:
    return Fcm("push", key, fcm.PROJECT, base_url=at.base_url, token_url=f"{at.base_url}/token", **options)


def made_smtp(at: Emulator, key: Secret, **options: Any) -> Smtp:
    host, port = at.base_url.removeprefix("smtp://").split(":")
    told = {"username": smtp.USER, "password": key, "port": int(port), "ca_file": smtp.certificates()[1], "bounces": smtp.BOUNCES}
    return Smtp("email", host, smtp.SENDER, **(told | options))


def made_mailgun(at: Emulator, key: Secret, **options: Any) -> Mailgun:
    return Mailgun("email", key, mailgun.DOMAIN, mailgun.SENDER, base_url=at.base_url, **options)


def made_postmark(at: Emulator, key: Secret, **options: Any) -> Postmark:
    return Postmark("email", key, postmark.SENDER, base_url=at.base_url, **options)


def made_ses(at: Emulator, key: Secret, **options: Any) -> Ses:
    told = {"base_url": at.base_url, "configuration_set": ses.CONFIGURATION_SET}
    return Ses("email", Secret(aws.ACCESS_KEY), key, aws.REGION, ses.SENDER, **(told | options))


def phone_number(number: int) -> str:
    return f"+1555867{number:04d}"


def made_twilio(at: Emulator, key: Secret, **options: Any) -> Twilio:
    callback_url = "https://carillon.example.com/feedback/twilio?v=1"
    return Twilio("sms", twilio.ACCOUNT, key, sender=twilio.SENDER, callback_url=callback_url, base_url=at.base_url, **options)


def made_vonage(at: Emulator, key: Secret, **options: Any) -> Vonage:
    callback_url = "https://carillon.example.com/feedback/vonage"
    return Vonage("sms", key, vonage.SENDER, api_key=vonage.API_KEY, callback_url=callback_url, base_url=at.base_url, **options)


def slack_user(number: int) -> str:
    return f"U012AB{number:04d}"


def made_slack(at: Emulator, key: Secret, **options: Any) -> Slack:
    return Slack("chat", key, base_url=at.base_url, **options)


def workflow(number: int) -> str:
    return f"/workflows/{number:032x}/triggers/manual/paths/invoke?{teams.SIGNED}"


def made_teams(at: Emulator, key: Secret, **options: Any) -> Teams:
    return Teams("chat", hosts=("127.0.0.1",), allow_http=True, ports=(at.port,), networks=("127.0.0.1/32",), **options)


def endpoint(number: int) -> str:
    return f"/hooks/{number}?token=t-{number}"


def made_webhook(at: Emulator, key: Secret, **options: Any) -> Webhook:
    return Webhook("chat", key, allow_http=True, ports=(at.port,), networks=("127.0.0.1/32",), **options)


def made_sns(at: Emulator, key: Secret, **options: Any) -> Sns:
    return Sns("sms", Secret(aws.ACCESS_KEY), key, aws.REGION, base_url=at.base_url, sender_id=sns.SENDER_ID, **options)


PLAYED: dict[str, Played] = {
    "apns": Played(apns.ApnsEmulator, made_apns, apns.p8("right"), apns.p8("wrong"), apns_token, dead=apns.GONE, platform="ios"),
    "fcm": Played(fcm.FcmEmulator, made_fcm, fcm.key_file("right"), fcm.key_file("wrong"), fcm_token, dead=fcm.GONE, platform="android"),
    "sendgrid": Played(sendgrid.SendGridEmulator, made_sendgrid, sendgrid.KEY, "SG.wrong", email_address, dead="no-address"),
    "mailgun": Played(mailgun.MailgunEmulator, made_mailgun, mailgun.KEY, "key-wrong", email_address, dead="no-address"),
    "postmark": Played(postmark.PostmarkEmulator, made_postmark, postmark.KEY, "wrong", email_address, dead="no-address"),
    "ses": Played(ses.SesEmulator, made_ses, aws.SECRET_KEY, "wrong", email_address, dead="no-address"),
    "smtp": Played(smtp.SmtpEmulator, made_smtp, smtp.KEY, "wrong", email_address, dead=smtp.DEAD),
    "slack": Played(slack.SlackEmulator, made_slack, slack.KEY, "xoxb-wrong", slack_user, dead=slack.ARCHIVED, platform="slack"),
    "teams": Played(
        teams.TeamsEmulator,
        made_teams,
        "",
        "",
        workflow,
        dead=f"/workflows/gone/triggers/manual/paths/invoke?{teams.SIGNED}",
        platform="teams",
        relative=True,
    ),
    "twilio": Played(twilio.TwilioEmulator, made_twilio, twilio.KEY, "wrong", phone_number, dead="+15005550004"),
    "vonage": Played(vonage.VonageEmulator, made_vonage, vonage.KEY, "wrong", phone_number, dead=vonage.BARRED),
    "webhook": Played(
        webhook.Receiver,
        made_webhook,
        webhook.KEY,
        webhook.OTHER_KEY,
        endpoint,
        dead="/hooks/gone",
        platform="webhook",
        relative=True,
        wrong_means=is_down,
    ),
    "web_push": Played(
        web_push.WebPushEmulator,
        made_web_push,
        web_push.vapid_key("right"),
        web_push.vapid_key("wrong"),
        browser_name,
        dead=web_push.GONE,
        platform="web",
    ),
    "sns": Played(sns.SnsEmulator, made_sns, aws.SECRET_KEY, "wrong", sns.number, dead="0151 100000"),
}
"""By kind in the registry."""

EMAIL = EmailOverrides(
    from_name="The Shop",
    reply_to=["help@example.com"],
    cc=["cc@example.com"],
    bcc=["bcc@example.com"],
    headers={"X-Order": "o-17"},
    attachments=[Attachment("receipt.pdf", "application/pdf", b"%PDF-1.4"), Attachment("logo.png", "image/png", b"\x89PNG", "logo")],
)
PUSH = PushOverrides(
    image="https://example.com/o-17.png",
    link="https://example.com/orders/o-17",
    sound="default",
    badge=3,
    category="ORDER",
    thread="o-17",
    android_channel="orders",
    collapse_key="o-17",
    data={"order": "o-17"},
)
SMS = SmsOverrides(media=["https://example.com/o-17.png"])
CHAT = ChatOverrides(link="https://example.com/orders/o-17", image="https://example.com/o-17.png", thread="1732147200.000100")


def whole(plain: Message, carries: frozenset[str]) -> Message:
    """The message with all that a provider carries, and nothing else."""
    fields = {"subject": "Your order", "title": "Your order", "html": "<p>It is on its way</p>", "unsubscribe": "https://example.com/u/1"}
    told = {name: value for name, value in fields.items() if name in carries}
    for channel, overrides in (("email", EMAIL), ("push", PUSH), ("sms", SMS), ("chat", CHAT)):
        kept = {name: getattr(overrides, name) for name in overrides.__struct_fields__ if f"{channel}.{name}" in carries}
        told |= {channel: type(overrides)(**kept)} if kept else {}  # type: ignore[dict-item]
    return replaced(plain, **told)


def with_one(plain: Message, feature: str) -> Message:
    """The message with one thing more."""
    assert feature in FEATURES
    return whole(plain, frozenset({feature}))
