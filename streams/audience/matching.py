"""Whether an audience expression holds for one profile: what the index finds, said once more in the plainest way. Pure."""

from schemas.records import Profile
from streams.audience.nodes import PLATFORM, TAG, And, Everybody, Expression, Nobody, Not, Or


def holds(expression: Expression, profile: Profile) -> bool:
    """Whether the user of `profile` is in the audience."""
    match expression:
        case Everybody():
            return True
        case Nobody():
            return False
        case Not(of):
            return not holds(of, profile)
        case And(of):
            return all(holds(part, profile) for part in of)
        case Or(of):
            return any(holds(part, profile) for part in of)
    if expression.kind == TAG:
        return expression.name in profile.tags
    if expression.kind == PLATFORM:
        return any(device.platform == expression.name for device in profile.devices)
    return expression.name == profile.user_id
