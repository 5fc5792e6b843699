"""APNs' provider token: a JWT (ES256) that is signed by us, and one for all requests.

https://developer.apple.com/documentation/usernotifications/establishing-a-token-based-connection-to-apns: renewed no more than once every
20 minutes and no less than once every 60; a connection belongs to the team and the key of its first request.
"""

from collections.abc import Callable, Generator

import httpx
import jwt
import msgspec

from providers.answers import read
from providers.base import CONNECTION
from providers.errors import SignInError
from providers.secret import Secret

RENEWED_MS = 40 * 60_000
FORCED_MS = 20 * 60_000
"""A token that APNs calls stale is renewed at once, but not again within this time: its age is not what is wrong then."""
STALE = "ExpiredProviderToken"


class Refusal(msgspec.Struct):
    """The body of an answer that refuses. `timestamp`: epoch ms, from when on the device token was not valid (410)."""

    reason: str = ""
    timestamp: int | None = None


def refusal_of(response: httpx.Response) -> Refusal:
    """Return what the body says; no reason when it is not readable."""
    return read(response, Refusal) or Refusal()


class ProviderToken(httpx.Auth):
    """Signs requests with the token of a key; a key that is replaced signs the next request, over another connection when its id is new."""

    requires_response_body = True

    def __init__(self, key: Secret, key_id: Secret, team_id: str, clock: Callable[[], int]) -> None:
        """`key`: the text of the .p8 file. `clock`: epoch ms."""
        self._key, self._key_id, self._team_id, self._clock = key, key_id, team_id, clock
        self._token, self._issued, self._forced = "", 0, -FORCED_MS
        self._of = ("", "")

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign the request, and once more when the token is stale: APNs has not looked at the message then."""
        for again in (False, True):
            token, key_id = self._current()
            request.headers["authorization"] = f"bearer {token}"
            request.extensions[CONNECTION] = (self._team_id, key_id)
            answer = yield request
            if again or answer.status_code != 403 or refusal_of(answer).reason != STALE or not self._dropped(token):
                return

    def _current(self) -> tuple[str, str]:
        """The token and the id of its key. Raises SignInError for a key that can't be used."""
        key, key_id, now = self._key.reveal(), self._key_id.reveal(), self._clock()
        if not self._token or self._of != (key, key_id) or now - self._issued >= RENEWED_MS:
            self._token, self._issued, self._of = self._signed(key, key_id, now // 1000), now, (key, key_id)
        return self._token, key_id

    def _signed(self, key: str, key_id: str, now_s: int) -> str:
        try:  # no `typ`: the documentation's header has none
            return jwt.encode({"iss": self._team_id, "iat": now_s}, key, "ES256", headers={"kid": key_id, "typ": None})
        except (ValueError, TypeError, jwt.PyJWTError):
            raise SignInError("the key is not that of an APNs .p8 file") from None

    def _dropped(self, token: str) -> bool:
        """Whether another token than this stale one may be used now."""
        if token != self._token:
            return True
        now = self._clock()
        if now - self._forced < FORCED_MS:
            return False
        self._token, self._forced = "", now
        return True
