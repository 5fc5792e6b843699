"""GET over HTTPS as the gateway needs it: no redirects, a few kilobytes, a few seconds."""

import aiohttp

from gateway.errors import Unfetchable

LIMIT = 32_768
TIMEOUT_S = 5.0


class HttpFetcher:
    """Closes its connections with `aclose`."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S), cookie_jar=aiohttp.DummyCookieJar())

    async def get(self, url: str) -> bytes:
        """Return the body of a 200, 32 KiB at most. Raises Unfetchable."""
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                body = await response.content.read(LIMIT + 1)
                while len(body) <= LIMIT and (more := await response.content.read(LIMIT)):
                    body += more
                status = response.status
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Unfetchable(type(error).__name__) from error
        if status != 200 or len(body) > LIMIT:
            raise Unfetchable(f"HTTP {status}, {len(body)} bytes")
        return body

    async def aclose(self) -> None:
        await self._session.close()
