from __future__ import annotations

from tests.compat.conftest import committed_database, domain, live, server, shop, shops

__all__ = ["committed_database", "domain", "live", "server", "shop", "shops"]
