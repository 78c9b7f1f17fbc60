from __future__ import annotations

from types import TracebackType
from typing import Any

import httpx

from dynamail_client.resources import AsyncResources, Resources
from dynamail_client.transport import USER_AGENT, AsyncTransport, Transport

TIMEOUT = 30.0  # seconds
RETRIES = 2  # after the first try


def _settings(key: str, base_url: str) -> dict[str, Any]:
    if not key.startswith(("dm_live_", "dm_test_")):
        raise ValueError("An API key begins with dm_live_ or dm_test_; make one under Settings → API keys.")
    return {
        "base_url": f"{base_url.rstrip('/')}/api/v1",
        "headers": {"authorization": f"Bearer {key}", "user-agent": USER_AGENT},
    }


class DynaMail(Resources):
    """`base_url` is where DynaMail answers. Tries again `retries` times when that can do no harm; `http` replaces the HTTP client."""

    def __init__(
        self,
        key: str,
        *,
        base_url: str,
        timeout: float = TIMEOUT,
        retries: int = RETRIES,
        http: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(**_settings(key, base_url), timeout=timeout, transport=http)
        super().__init__(Transport(self._http, retries=retries))

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> DynaMail:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncDynaMail(AsyncResources):
    """The same with methods to await."""

    def __init__(
        self,
        key: str,
        *,
        base_url: str,
        timeout: float = TIMEOUT,
        retries: int = RETRIES,
        http: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(**_settings(key, base_url), timeout=timeout, transport=http)
        super().__init__(AsyncTransport(self._http, retries=retries))

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> AsyncDynaMail:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
