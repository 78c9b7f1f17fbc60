"""Where a sent message is read: in the Mailbox through its pages, or at the mail server behind a relay."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from typing import Protocol, cast

from playwright.sync_api import FrameLocator, Page, expect

from tests.support.fake_mx import FakeMx
from tests.ui.marketer import Marketer

PATIENCE_SECONDS = 60.0


class Letterbox(Protocol):
    """One message of one reader at a time."""

    def open(self, recipient: str, *, subject: str, text: str) -> None:
        """Open the message; its subject and its text are as expected."""
        ...

    def find_link(self, words: str) -> str:
        """Where the link of these words leads."""
        ...

    def follow_link(self, words: str) -> Page:
        """Press the link; returns the page that it opens."""
        ...

    def read_header(self, name: str) -> str: ...


@dataclass
class MailboxPages:
    """The built-in Mailbox, as its reader sees it."""

    marketer: Marketer

    @property
    def frame(self) -> FrameLocator:
        return self.marketer.page.frame_locator("iframe[title='The message as people see it']")

    def open(self, recipient: str, *, subject: str, text: str) -> None:
        page = self.marketer.page
        page.goto("/mailbox/")
        page.get_by_label("Search the Mailbox").fill(recipient)
        row = page.get_by_role("row").filter(has_text=recipient)
        expect(page.get_by_role("row")).to_have_count(2)
        self.marketer.look_closely("mailbox")
        row.get_by_role("link").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(subject)
        expect(self.frame.get_by_text(text)).to_be_visible()
        self.marketer.look_closely("message, HTML")
        self._show("Text", text)
        self._show("Source", "Content-Type: multipart/alternative")
        self.marketer.follow("HTML")

    def _show(self, view: str, text: str) -> None:
        self.marketer.follow(view)
        expect(self.marketer.page.get_by_role("main").locator("pre")).to_contain_text(text)

    def read_header(self, name: str) -> str:
        page = self.marketer.page
        self.marketer.follow("Headers")
        header = page.get_by_role("rowheader", name=name, exact=True)
        value = page.get_by_role("row").filter(has=header).get_by_role("cell").inner_text()
        self.marketer.follow("HTML")
        return value

    def find_link(self, words: str) -> str:
        return self.frame.get_by_role("link", name=words).get_attribute("href") or ""

    def follow_link(self, words: str) -> Page:
        """The message may run nothing and open nothing by itself; a link that a person presses opens a new tab."""
        with self.marketer.page.expect_popup() as popup:
            self.frame.get_by_role("link", name=words).click()
        return popup.value


@dataclass
class RelayedMail:
    """What arrived at the mail server that the relay hands over to."""

    marketer: Marketer
    server: FakeMx
    message: EmailMessage | None = None

    def open(self, recipient: str, *, subject: str, text: str) -> None:
        self.message = self._wait_for(recipient, subject)
        assert text in self._read_part("html")
        assert text in self._read_part("plain")

    def read_header(self, name: str) -> str:
        assert self.message is not None
        return str(self.message[name])

    def find_link(self, words: str) -> str:
        html = self._read_part("html")
        found = re.search(rf'<a\b[^>]*\bhref="([^"]+)"[^>]*>\s*{re.escape(words)}', html)
        assert found is not None, html
        return unescape(found[1])

    def follow_link(self, words: str) -> Page:
        page = self.marketer.page.context.new_page()
        page.goto(self.find_link(words))
        return page

    def _wait_for(self, recipient: str, subject: str) -> EmailMessage:
        """The relay hands on in its own time, in its own order."""
        while True:
            seen = len(self.server.messages)
            for one in self.server.accepted:
                message = cast(EmailMessage, message_from_bytes(one.body, policy=policy.SMTP))
                if one.recipient == recipient and message["Subject"] == subject:
                    return message
            self.server.wait_for_messages(seen + 1, timeout=PATIENCE_SECONDS)

    def _read_part(self, kind: str) -> str:
        assert self.message is not None
        part = self.message.get_body((kind,))
        assert part is not None
        return str(part.get_content())
