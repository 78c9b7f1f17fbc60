"""The code of `docs/api/compat_*.md` is run as it stands there; only the host and the key are those of the test."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.compat.conftest import Live
from tests.compat.reading_back import add_template
from tests.compat.test_node_clients import FOLDER, PATIENCE_SECONDS

PAGES = Path(__file__).parents[2] / "docs" / "api"
VENDORS = ("postmark", "resend", "sendgrid", "mailgun", "listmonk")
HOST, KEY = "https://mail.acme.example", "dm_live_…"


def read_code(vendor: str, language: str, live: Live) -> list[str]:
    text = (PAGES / f"compat_{vendor}.md").read_text()
    found = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    bare = live.url.removeprefix("http://")
    # Postmark's Node client takes the scheme apart from the host.
    without_tls = re.compile(r"requestHost: '([^']*)'")
    return [
        without_tls.sub(r"requestHost: '\1', useHttps: false", code)
        .replace(HOST, live.url)
        .replace(HOST.removeprefix("https://"), bare)
        .replace(KEY, live.key)
        for code in found
    ]


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_python_of_the_pages_sends(vendor: str, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resend.api_key", None)
    monkeypatch.setattr("resend.api_url", "http://127.0.0.1:1")
    add_template(live.shop, "welcome")
    for code in read_code(vendor, "python", live):
        exec(compile(code, vendor, "exec"), {})
    (sent,) = live.sent
    assert [one["email"] for one in sent.email.recipients] == ["ann@mail.example"]


@pytest.mark.skipif(
    shutil.which("node") is None or not (FOLDER / "node_modules" / "postmark").is_dir(),
    reason="Node and its packages are not installed",
)
@pytest.mark.parametrize("vendor", [vendor for vendor in VENDORS if vendor != "listmonk"])
def test_the_javascript_of_the_pages_sends(vendor: str, live: Live) -> None:
    (code,) = read_code(vendor, "js", live)
    done = subprocess.run(
        ["node", "-e", code],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    (sent,) = live.sent
    assert [one["email"] for one in sent.email.recipients] == ["ann@mail.example"]
