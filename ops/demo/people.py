"""The shop's customers: the same person for the same number, every time. Pure."""

from random import Random

from schemas.records import Device, ProfileChanged

TAG = "flash-sale"
SOURCE = "import"
FIRST_NAMES = (
    "Ada", "Ben", "Chiara", "Dmitri", "Elif", "Femi", "Greta", "Hiro", "Ines", "Jonas", "Katja", "Lucía", "Mehmet", "Nora", "Olu", "Priya",
    "Quentin", "Rosa", "Sven", "Tariq", "Uma", "Viktor", "Wanda", "Ximena", "Yusuf", "Zoë",
)  # fmt: skip
NO_DEVICE, TWO_DEVICES = 0.12, 0.08
MUTES_PROMOTIONS, NO_EMAIL_CHANNEL, NO_INBOX, NO_EMAIL_ADDRESS = 0.10, 0.15, 0.04, 0.03
GERMAN = 0.3


def user_id(number: int) -> str:
    """`shopper-000042`."""
    return f"shopper-{number:06d}"


def first_name(number: int) -> str:
    """What the shop calls them."""
    return FIRST_NAMES[number % len(FIRST_NAMES)]


def profile(number: int, position: int) -> ProfileChanged:
    """Everything about one person, as an import at `position` (epoch ms) says it."""
    dice = Random(number)
    user = user_id(number)
    return ProfileChanged(
        user_id=user,
        source=SOURCE,
        source_position=position,
        occurred_at=position,
        whole=True,
        channels=_channels(dice),
        muted_categories=["promotional"] if dice.random() < MUTES_PROMOTIONS else [],
        email="" if dice.random() < NO_EMAIL_ADDRESS else f"{user}@mail.example",
        devices=_devices(dice, user),
        language="de" if dice.random() < GERMAN else "en",
        time_zone="Europe/Berlin",
        tags=[TAG],
    )


def _channels(dice: Random) -> list[str]:
    off = {"email": NO_EMAIL_CHANNEL, "in_app": NO_INBOX}
    return [channel for channel in ("push", "email", "in_app") if dice.random() >= off.get(channel, 0.0)]


def _devices(dice: Random, user: str) -> list[Device]:
    draw = dice.random()
    if draw < NO_DEVICE:
        return []
    phone = Device(dice.choice(("ios", "android")), f"phone-of-{user}")
    return [phone, Device("web", f"browser-of-{user}")] if draw < NO_DEVICE + TWO_DEVICES else [phone]
