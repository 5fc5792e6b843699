"""What befalls digests by itself: a window ends, or the user is seen."""

from collections.abc import Callable

from schemas.codec import Codec
from schemas.records import DigestWindowEnded, Profile, UserSeen
from streams.audience.digests import digests_of, effects_of, folding
from streams.digest.rules import Whose
from streams.digest.windows import Terms, terms_of
from streams.policy.policy import InForce
from streams.profiles.replica import ProfileReplica
from streams.step.model import Effects, Input
from streams.step.step import View


class Sightings:
    """Of the common lane."""

    def __init__(self, codec: Codec, clock: Callable[[], int], in_force: InForce, replica: ProfileReplica) -> None:
        """`clock`: epoch ms."""
        self._codec, self._clock, self._in_force, self._replica = codec, clock, in_force, replica

    def ended(self, view: View, told: DigestWindowEnded, record: Input) -> Effects:
        """The digest of a window; nothing when there is no such window any more."""
        whose, profile = Whose(told.user_id, told.category, told.digest_key), self._profile(told.user_id, record)
        folded = folding(view, [whose], self._clock())
        if profile is None:
            folded.gone(whose)
        else:
            folded.fired(whose, told.window, self._terms(profile, told.category))
        return effects_of(self._codec, view, folded, record.partition)

    def seen(self, view: View, told: UserSeen, record: Input) -> Effects:
        """All digests of the user in which nothing came since."""
        profile, all_whose = self._profile(told.user_id, record), digests_of(view, told.user_id)
        folded = folding(view, all_whose, self._clock())
        for whose in all_whose:
            folded.seen(whose, told.at, self._terms(profile, whose.category))
        return effects_of(self._codec, view, folded, record.partition)

    def _profile(self, user: str, record: Input) -> Profile | None:
        ((profile, _),) = self._replica.get_many(record.partition, [user])
        return profile

    def _terms(self, profile: Profile | None, category: str) -> Terms | None:
        policy = self._in_force()
        binds = policy.categories.get(category)
        return terms_of(profile, binds, policy) if binds is not None else None
