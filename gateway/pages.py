"""Asks for a page of events: no redirects, a bounded number of bytes, a bounded time."""

import asyncio

import httpx

from gateway.errors import Unfetchable


class HttpPages:
    """Closes its connections with `aclose`."""

    def __init__(self, *, timeout_s: float, limit: int, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """`timeout_s`: of the whole; `limit`: bytes of a body."""
        self._client = httpx.AsyncClient(transport=transport, timeout=timeout_s, trust_env=False, follow_redirects=False)
        self._timeout_s, self._limit = timeout_s, limit

    async def get(self, request: httpx.Request) -> httpx.Response:
        """Return the answer, whatever its status, with its body. Raises Unfetchable; what it says repeats no URL."""
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._client.send(request, stream=True)
                try:
                    body = b""
                    async for part in response.aiter_bytes():
                        body += part
                        if len(body) > self._limit:
                            raise Unfetchable(f"a page of more than {self._limit} bytes")
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.HTTPError, OSError) as error:
            raise Unfetchable(type(error).__name__) from error
        headers = {name: value for name, value in response.headers.items() if name.lower() not in ("content-encoding", "content-length")}
        return httpx.Response(response.status_code, headers=headers, content=body, request=request)

    async def aclose(self) -> None:
        await self._client.aclose()
