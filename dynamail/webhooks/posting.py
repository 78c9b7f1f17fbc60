"""One request to a receiver, by the guarded way out. Nothing here knows the database."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass, field, replace
from functools import cache

from django.conf import settings

from dynamail.lib.egress import REDIRECTS, Bounds, EgressError, EgressRules, KeptConnections, open_url
from dynamail.webhooks.models import ANSWER_LENGTH

TOTAL_SECONDS = 15.0
BOUNDS = Bounds(connect_seconds=10.0, silence_seconds=15.0, total_seconds=TOTAL_SECONDS, most_bytes=2**16)
USER_AGENT = "DynaMail-Webhooks/1"
GONE, TOO_MANY, UNAVAILABLE = 410, 429, 503


@dataclass(frozen=True, slots=True)
class Post:
    """What is sent where."""

    url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of it. `error` is empty when the receiver took it, `status` 0 when there was no answer; `ms` milliseconds."""

    error: str
    status: int = 0
    ms: int = 0
    answer: str = ""
    retry_after: str = ""

    @property
    def is_success(self) -> bool:
        return not self.error


def make_rules() -> EgressRules:
    """Where this installation lets requests go."""
    return EgressRules(frozenset(settings.EGRESS_ALLOWED), tls=_read_authorities())


def send_post(post: Post, *, rules: EgressRules, kept: KeptConnections | None = None) -> Reply:
    """Send it once; redirects are not followed. Never raises EgressError. `kept` was made with the same rules."""
    started = time.monotonic()
    headers = {"user-agent": USER_AGENT, "content-type": "application/json", **post.headers}
    reply: Reply | None = None
    text = b""
    try:
        with open_url(
            post.url,
            rules=rules,
            bounds=BOUNDS,
            method="POST",
            headers=headers,
            content=post.body,
            redirects=0,
            kept=kept,
        ) as answer:
            # The status decides: an answer that breaks off behind it, or has no end, changes nothing.
            reply = _judge(answer.status, answer.headers.get("retry-after", ""))
            for chunk in answer.chunks:
                text += chunk
                if len(text) >= ANSWER_LENGTH * 4:
                    break
    except EgressError as error:
        if reply is None:
            reply, text = Reply(error.code), error.detail.encode()
    spent = round((time.monotonic() - started) * 1000)
    return replace(reply, ms=spent, answer=_clean(text))


def _judge(status: int, retry_after: str) -> Reply:
    if 200 <= status < 300:
        return Reply("", status)
    if status in REDIRECTS:
        return Reply("redirect", status)
    error = {GONE: "gone", TOO_MANY: "busy", UNAVAILABLE: "busy"}.get(status, "status")
    return Reply(error, status, retry_after=retry_after if error == "busy" else "")


def _clean(text: bytes) -> str:
    return text.decode("utf-8", "replace").replace("\x00", "�")[:ANSWER_LENGTH]


@cache
def _read_authorities() -> ssl.SSLContext:
    return ssl.create_default_context()  # reading them takes longer than most requests
