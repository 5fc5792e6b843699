"""Access tokens for a Google service account: a JWT it signs is exchanged for a token that is good for an hour.

https://developers.google.com/identity/protocols/oauth2/service-account#httprest (RFC 7523). One token serves all requests until shortly
before it ends; one request at a time asks for a new one, and those that wait for it share what comes of it.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable

import httpx
import jwt
import msgspec

from providers.answers import read
from providers.base import SIGN_IN
from providers.errors import SignInError
from providers.secret import Secret

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFETIME_S = 3600
"""Of the JWT, and of the token: the most Google gives."""
MARGIN_MS = 300_000
"""So long before its end a token is replaced."""


class Key(msgspec.Struct, frozen=True):
    """The JSON key file of a service account, as Google hands it out."""

    client_email: str
    private_key: str
    token_uri: str
    private_key_id: str = ""

    def __repr__(self) -> str:
        return "Key(***)"


class Granted(msgspec.Struct, frozen=True):
    """The token endpoint's answer."""

    access_token: str
    expires_in: int  # s

    def __repr__(self) -> str:
        return "Granted(***)"


class ServiceAccount(httpx.Auth):
    """Signs requests with the account's token. A key that is replaced is used for the next request."""

    requires_response_body = True

    def __init__(self, key: Secret, scope: str, clock: Callable[[], int], token_url: str = "") -> None:
        """`key`: the text of the key file. `clock`: epoch ms. `token_url`: where to ask; empty: where the key file says."""
        self._key, self._scope, self._clock, self._token_url = key, scope, clock, token_url
        self._token, self._of, self._good_until = "", "", 0
        self._asking = asyncio.Lock()
        self._tried = 0
        self._refused = SignInError("")

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Sign the request; a token that is refused is replaced once."""
        for again in (False, True):
            key, tried = self._key.reveal(), self._tried
            if not self._is_good(key):
                async with self._asking:
                    if not self._is_good(key):
                        if self._tried != tried:  # another asked while this one waited, in vain
                            raise self._refused
                        try:
                            granted = self._granted((yield self._request(key)), key)
                        finally:
                            self._tried += 1
                        if not granted:
                            return
            token = self._token
            request.headers["authorization"] = f"Bearer {token}"
            if (yield request).status_code != 401 or again:
                return
            if self._token == token:
                self._good_until = 0

    def _is_good(self, key: str) -> bool:
        return self._clock() < self._good_until and self._of == key

    def _request(self, text: str) -> httpx.Request:
        """The token request of a key. Raises SignInError for a key that can't be used."""
        self._refused = SignInError("no answer from the token endpoint", ours=False)
        try:
            key = msgspec.json.decode(text, type=Key)
        except (msgspec.MsgspecError, ValueError):
            self._refused = SignInError("the key is not the JSON of a service account")
            raise self._refused from None
        data = {"grant_type": GRANT, "assertion": self._assertion(key)}
        return httpx.Request("POST", self._token_url or key.token_uri, data=data, extensions={SIGN_IN: True})

    def _assertion(self, key: Key) -> str:
        now_s = self._clock() // 1000
        claims = {"iss": key.client_email, "scope": self._scope, "aud": key.token_uri, "iat": now_s, "exp": now_s + LIFETIME_S}
        try:
            return jwt.encode(claims, key.private_key, "RS256", headers={"kid": key.private_key_id} if key.private_key_id else None)
        except (ValueError, TypeError, jwt.PyJWTError):
            self._refused = SignInError("the private key of the service account can't be used")
            raise self._refused from None

    def _granted(self, answer: httpx.Response, key: str) -> bool:
        """Whether the answer is a token, which is kept."""
        granted = read(answer, Granted) if answer.status_code == 200 else None
        if granted is None:
            ours = 400 <= answer.status_code < 500 and answer.status_code not in (408, 425, 429)
            self._refused = SignInError(f"the token endpoint answered {answer.status_code}", ours=ours)
            return False
        self._token, self._of = granted.access_token, key
        self._good_until = self._clock() + granted.expires_in * 1000 - MARGIN_MS
        return True
