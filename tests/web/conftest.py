"""Pages can be tested without a build of the front end: a manifest that names the entries is enough to render them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django_vite.core.asset_loader import DjangoViteAssetLoader

ENTRIES = ("src/app.ts", "src/styles/app.css")


@pytest.fixture(autouse=True, scope="session")
def front_end_manifest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    config = settings.DJANGO_VITE["default"]
    if Path(config["manifest_path"]).is_file():
        yield
        return
    stub = tmp_path_factory.mktemp("front_end") / "manifest.json"
    stub.write_text(
        json.dumps({entry: {"file": f"assets/{Path(entry).name}", "isEntry": True} for entry in ENTRIES})
    )
    real, config["manifest_path"] = config["manifest_path"], stub
    DjangoViteAssetLoader._instance = None
    yield
    config["manifest_path"] = real
    DjangoViteAssetLoader._instance = None
