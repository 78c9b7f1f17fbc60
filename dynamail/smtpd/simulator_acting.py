"""What happens after the simulator took a message: reports through the path that real ones come by, requests as a reader's program makes them."""

from __future__ import annotations

import asyncio
import html
import logging
import re
from collections.abc import Awaitable, Callable

import httpx
from django.conf import settings

from dynamail.lib.clock import utc_now
from dynamail.protocols.reports.parts import read_headers, read_parts
from dynamail.smtpd.simulated_reports import write_answer, write_bounce, write_complaint
from dynamail.smtpd.simulator import Play, PlayKind

# A report is early while the message itself is still being recorded; then it comes again.
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds
SLOW_SECONDS = 5.0
REQUEST_SECONDS = 10.0
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_ADDRESS = re.compile(r"<([^<>\s]+)>|([^<>\s,;]+@[^<>\s,;]+)")

# Takes a message with its return-path and its recipient; False: it came too early.
TakeMail = Callable[[bytes, str, str], Awaitable[bool]]

log = logging.getLogger(__name__)


class Actor:
    """Acts in the background; `take` hands mail to the listener for reports and replies."""

    def __init__(self, take: TakeMail) -> None:
        self._take = take
        self._acts: set[asyncio.Task[None]] = set()

    def act(self, play: Play, raw: bytes, *, envelope_from: str, recipient: str) -> None:
        """Begin what follows from a message that is taken now."""
        if play.kind in (
            PlayKind.LATE_BOUNCE,
            PlayKind.COMPLAINT,
            PlayKind.REPLY,
            PlayKind.OPEN,
            PlayKind.CLICK,
        ):
            act = asyncio.create_task(self._act(play, raw, envelope_from, recipient))
            self._acts.add(act)
            act.add_done_callback(self._acts.discard)

    async def stop(self) -> None:
        for act in list(self._acts):
            act.cancel()
        await asyncio.gather(*self._acts, return_exceptions=True)

    async def _act(self, play: Play, raw: bytes, envelope_from: str, recipient: str) -> None:
        try:
            match play.kind:
                case PlayKind.OPEN | PlayKind.CLICK:
                    await self._visit(play.kind, raw)
                case _:
                    await self._send(play, raw, envelope_from, recipient)
        except Exception:
            log.exception("the simulator could not play %s", play.kind)

    async def _send(self, play: Play, raw: bytes, envelope_from: str, recipient: str) -> None:
        now = utc_now()
        match play.kind:
            case PlayKind.LATE_BOUNCE:
                mail = write_bounce(
                    raw, return_path=envelope_from, recipient=recipient, refusal=play.refusal, now=now
                )
                sender, to = "", envelope_from
            case PlayKind.COMPLAINT:
                sender, to = "", f"complaints@{settings.RETURN_PATH_DOMAIN}"
                mail = write_complaint(raw, return_path=envelope_from, recipient=recipient, to=to, now=now)
            case _:
                sender, to = recipient, find_reply_address(raw)
                mail = write_answer(raw, sender=recipient, to=to, now=now)
        for pause in PAUSES:
            await asyncio.sleep(pause)
            if await self._take(mail, sender, to):
                return

    async def _visit(self, kind: PlayKind, raw: bytes) -> None:
        path = find_tracked_path(raw, "o" if kind is PlayKind.OPEN else "c")
        if path:
            async with httpx.AsyncClient(timeout=REQUEST_SECONDS, trust_env=False) as client:
                await client.get(
                    f"{_find_server()}{path}",
                    headers={"host": settings.PUBLIC_URL.partition("://")[2], "user-agent": BROWSER},
                )


def find_reply_address(raw: bytes) -> str:
    """Where a person's program would send the answer; "" when the message names nobody."""
    headers, _body = read_headers(raw, 0, len(raw))
    found = _ADDRESS.search(headers.get("reply-to") or headers.get("from", ""))
    return (found[1] or found[2]) if found else ""


def find_tracked_path(raw: bytes, kind: str) -> str:
    """The first address of ours in the HTML part that counts opens ("o") or clicks ("c"), without our own name; "" for none."""
    _headers, parts = read_parts(raw)
    shape = re.compile(rf"https?://[^/\s\"'<>]+(/t/{kind}/[^\s\"'<>]+)")
    for part in parts:
        if part.kind == "text/html" and (found := shape.search(html.unescape(part.text))):
            return found[1]
    return ""


def _find_server() -> str:
    """The web process beside us; behind a proxy the public name would lead out and back."""
    host = settings.DYNAMAIL_HOST if settings.DYNAMAIL_HOST not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.DYNAMAIL_PORT}"
