from __future__ import annotations

import asyncio
import base64
import re
import ssl
from pathlib import Path

import pytest

from dynamail.smtpd import submission
from dynamail.smtpd.certificates import CertificateError, ensure_own_certificate, find_certificates
from tests.interop.smuggling import SEQUENCES, SMUGGLED, VICTIM
from tests.smtpd.submitting import SECRET, connect, open_place, trust_nobody

MESSAGE = b"From: app@shop.example\r\nSubject: One\r\n\r\nHello"


async def test_a_message_is_taken_and_its_id_told(tmp_path: Path) -> None:
    async with open_place(tmp_path) as place:
        client, greeting = await connect(place)
        assert greeting.startswith("220 ")
        assert (await client.sign_in()).startswith("235 ")
        assert await client.send(MESSAGE) == "250 2.0.0 OK eml_1\r\n"
        assert place.acceptor.taken == [MESSAGE + b"\r\n"]
        assert place.acceptor.recipients == [["ann@example.com"]]
        client.close()


async def test_what_the_listener_offers(tmp_path: Path) -> None:
    async with open_place(tmp_path) as place:
        client, _ = await connect(place)
        offered = await client.say("EHLO client.example")
        for word in ("SIZE 26214400", "8BITMIME", "SMTPUTF8", "PIPELINING", "STARTTLS", "AUTH LOGIN PLAIN"):
            assert word in offered
        client.close()


async def test_nothing_is_taken_from_a_stranger(tmp_path: Path) -> None:
    async with open_place(tmp_path) as place:
        client, _ = await connect(place)
        await client.say("EHLO client.example")
        assert (await client.say("MAIL FROM:<app@shop.example>")).startswith("530 ")
        client.close()


# ── Signing in ───────────────────────────────────────────────────────────────────────────────────────────────────────
def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "lines",
    [
        ["auth plain", encode(f"\0user\0{SECRET}")],
        ["AUTH PLAIN =", "AUTH PLAIN " + encode(f"\0{SECRET}\0")],
        ["AUTH LOGIN", encode("user"), encode(SECRET)],
        ["AUTH LOGIN " + encode("user"), encode(SECRET)],
    ],
    ids=[
        "plain in two steps",
        "an empty answer first, the key as user name",
        "login",
        "login with a user name",
    ],
)
async def test_the_ways_to_sign_in(tmp_path: Path, lines: list[str]) -> None:
    async with open_place(tmp_path) as place:
        client, _ = await connect(place)
        await client.say("EHLO client.example")
        replies = [await client.say(line) for line in lines]
        assert replies[-1].startswith("235 "), replies
        client.close()


@pytest.mark.parametrize("answer", ["*", "no base64!", "=" * 2_000])
async def test_a_challenge_that_is_not_answered_has_one_reply(tmp_path: Path, answer: str) -> None:
    async with open_place(tmp_path) as place:
        client, _ = await connect(place)
        await client.say("EHLO client.example")
        assert (await client.say("AUTH PLAIN")).startswith("334 ")
        assert (await client.say(answer)).startswith("50")
        assert (await client.say("NOOP")).startswith("250 ")
        client.close()


async def test_after_three_wrong_keys_the_client_has_to_come_again_and_after_ten_to_wait(
    tmp_path: Path,
) -> None:
    async with open_place(tmp_path) as place:
        wrong = "AUTH PLAIN " + encode("\0user\0dm_live_wrong")
        told: list[str] = []
        while len(told) < 10:
            client, _ = await connect(place)
            await client.say("EHLO client.example")
            told += [
                reply for reply in [await client.say(wrong) for _ in range(3)] if reply.startswith("535 ")
            ]
            client.close()
        client, _ = await connect(place)
        assert (await client.sign_in()).startswith("454 4.7.0"), "the right key too"
        place.now[0] += 601
        assert (await client.say("AUTH PLAIN " + encode(f"\0user\0{SECRET}"))).startswith("235 ")
        client.close()


async def test_a_client_from_elsewhere_signs_in_over_tls_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "_is_this_machine", lambda _ip: False)
    async with open_place(tmp_path) as place:
        client, _ = await connect(place)
        assert (await client.sign_in()).startswith("538 5.7.11")
        assert "AUTH" not in await client.say("EHLO client.example")
        client.close()
    async with open_place(tmp_path, has_tls=True) as place:
        client, _ = await connect(place, tls=trust_nobody())
        assert (await client.sign_in()).startswith("235 ")
        assert (await client.send(MESSAGE)).startswith("250 ")
        assert "STARTTLS" not in await client.say("EHLO client.example")
        client.close()


async def test_who_does_not_sign_in_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "SIGN_IN_SECONDS", 0.01)
    async with open_place(tmp_path) as place:
        client, _ = await connect(place)
        assert await client.reader.read() == b""
        while place.handler.places.open:
            await asyncio.sleep(0)
        client.close()


async def test_one_network_has_only_so_many_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "MOST_OF_ONE_NETWORK", 1)
    async with open_place(tmp_path) as place:
        first, _ = await connect(place)
        second, greeting = await connect(place)
        assert greeting.startswith("421 4.7.0")
        first.close()
        second.close()


# ── STARTTLS ─────────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_what_was_said_before_tls_is_forgotten(tmp_path: Path) -> None:
    """CVE-2011-0411: a command that somebody in the middle wrote after STARTTLS must not run inside TLS."""
    async with open_place(tmp_path) as place:
        client, _ = await connect(place)
        await client.sign_in()
        client.write("STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<evil@evil.example>")
        assert (await client.reply()).startswith("220 ")
        await client.writer.start_tls(trust_nobody(), server_hostname="localhost")
        secure = client
        assert (await secure.say("MAIL FROM:<app@shop.example>")).startswith("503 "), (
            "EHLO is asked for again"
        )
        assert "AUTH LOGIN PLAIN" in await secure.say("EHLO client.example")
        assert (await secure.say("MAIL FROM:<app@shop.example>")).startswith("530 "), "and so is the key"
        await secure.sign_in()
        assert (await secure.send(MESSAGE)).startswith("250 ")
        secure.close()


# ── Content ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("ending", [one for one in SEQUENCES if one != b"\r\n.\r\n"], ids=repr)
async def test_no_other_sequence_ends_a_message(tmp_path: Path, ending: bytes) -> None:
    async with open_place(tmp_path) as place:
        client, _ = await connect(place)
        await client.sign_in()
        reply = await client.send(MESSAGE + ending + SMUGGLED.removesuffix(b"\r\n.\r\n"))
        is_clean = not re.search(rb"\r(?!\n)|(?<!\r)\n", ending)
        assert reply.startswith("250 " if is_clean else "550 5.6.0")
        assert len(place.acceptor.taken) == is_clean
        if is_clean:
            assert (await client.say("NOOP")).startswith("250 "), "one reply to one message"
        else:
            assert await client.reply() == "", "nothing that follows is listened to"
        assert not any(VICTIM in one for recipients in place.acceptor.recipients for one in recipients)


@pytest.mark.parametrize("bare", [b"a\nb", b"a\rb", b"\n.\n", b"\r.\r", b"a\r\r\nb", b"a\n\r\nb"])
async def test_a_line_end_that_stands_alone_is_refused(tmp_path: Path, bare: bytes) -> None:
    async with open_place(tmp_path) as place:
        client, _ = await connect(place)
        await client.sign_in()
        assert (await client.send(MESSAGE + bare)).startswith("550 5.6.0")
        assert not place.acceptor.taken
        client.close()


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        (b".\r\n", b""),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"a\r\n..b\r\n...\r\n.\r\n", b"a\r\n.b\r\n..\r\n"),
        (b"x" * 200_000 + b"\r\n..\r\n.\r\n", b"x" * 200_000 + b"\r\n.\r\n"),
    ],
    ids=["nothing", "a dot first", "dots", "a long line"],
)
async def test_dots_are_taken_off_and_the_end_is_found(tmp_path: Path, sent: bytes, taken: bytes) -> None:
    async with open_place(tmp_path) as place:
        client, _ = await connect(place)
        await client.sign_in()
        await client.begin()
        client.writer.write(sent)
        assert (await client.reply()).startswith("250 ")
        assert place.acceptor.taken == [taken]
        client.close()


async def test_commands_after_the_end_are_pipelined(tmp_path: Path) -> None:
    async with open_place(tmp_path) as place:
        client, _ = await connect(place)
        await client.sign_in()
        await client.begin()
        client.writer.write(
            MESSAGE + b"\r\n.\r\nMAIL FROM:<b@shop.example>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n"
        )
        assert [(await client.reply())[:3] for _ in range(4)] == ["250", "250", "250", "354"]
        assert (await client.say(MESSAGE + b"\r\n.")).startswith("250 ")
        assert len(place.acceptor.taken) == 2
        client.close()


async def test_too_large_is_said_at_once_where_the_client_tells_and_at_the_end_where_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "MAX_SUBMITTED_BYTES", 100_000)
    async with open_place(tmp_path) as place:
        client, _ = await connect(place)
        await client.sign_in()
        assert (await client.say("MAIL FROM:<a@b.example> SIZE=100001")).startswith("552 ")
        assert (await client.send(b"x" * 200_000)).startswith("552 5.3.4")
        assert (await client.send(MESSAGE)).startswith("250 "), "the session goes on"
        place.handler.room.most = 10
        assert (await client.send(MESSAGE)).startswith("452 4.3.1")
        assert place.handler.room.held == 0
        client.close()


async def test_a_hundred_recipients_fit(tmp_path: Path) -> None:
    async with open_place(tmp_path) as place:
        client, _ = await connect(place)
        await client.sign_in()
        await client.say("MAIL FROM:<> AUTH=<>")
        replies = [await client.say(f"RCPT TO:<p{number}@example.com>") for number in range(101)]
        assert [reply[:3] for reply in replies] == ["250"] * 100 + ["452"]
        client.close()


async def test_what_is_no_address_is_refused_alone(tmp_path: Path) -> None:
    async with open_place(tmp_path) as place:
        client, _ = await connect(place)
        await client.sign_in()
        await client.say("MAIL FROM:<app@shop.example>")
        for wrong in ("ann", "ann@localhost", "a b@shop.example"):
            assert (await client.say(f"RCPT TO:<{wrong}>")).startswith("553 5.1.3 ")
        assert (await client.say("RCPT TO:<ann@example.com>")).startswith("250 ")
        await client.say("DATA")
        assert (await client.say(MESSAGE + b"\r\n.")).startswith("250 ")
        assert place.acceptor.recipients == [["ann@example.com"]]
        client.close()


async def test_replies_are_ascii(tmp_path: Path) -> None:
    async with open_place(tmp_path) as place:
        place.acceptor.reply = "550 5.6.0 See “Headers” … of Jürg"
        client, _ = await connect(place)
        await client.sign_in()
        assert await client.send(MESSAGE) == '550 5.6.0 See "Headers" ... of J?rg\r\n'
        client.close()


# ── Certificates ─────────────────────────────────────────────────────────────────────────────────────────────────────
async def test_the_certificate_of_this_machine_is_made_once_and_names_it(tmp_path: Path) -> None:
    made = ensure_own_certificate(tmp_path)
    assert ensure_own_certificate(tmp_path).read_bytes() == made.read_bytes()
    assert made.stat().st_mode & 0o777 == 0o600
    trusting = ssl.create_default_context(cafile=made)
    async with open_place(tmp_path, has_tls=True) as place:
        trusting.check_hostname = False  # by hand below: the client's helper names no host
        client, greeting = await connect(place, tls=trusting)
        assert greeting.startswith("220 ")
        peer = client.writer.get_extra_info("ssl_object").getpeercert()
        assert ("DNS", "localhost") in peer["subjectAltName"]


def test_an_open_address_needs_a_certificate_and_a_broken_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match="DYNAMAIL_SUBMISSION_CERTIFICATE"):
        find_certificates(certificate="", key="", host="0.0.0.0", home=tmp_path)
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    with pytest.raises(CertificateError, match="DYNAMAIL_SUBMISSION_CERTIFICATE"):
        find_certificates(certificate=str(broken), key="", host="0.0.0.0", home=tmp_path)


def test_a_renewed_certificate_is_read_again(tmp_path: Path) -> None:
    found = find_certificates(certificate="", key="", host="127.0.0.1", home=tmp_path)
    assert not found.load()
    (tmp_path / "submission.pem").unlink()
    ensure_own_certificate(tmp_path)
    assert found.load()
