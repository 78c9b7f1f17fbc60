"""What our composer signs is accepted by three verifiers that know nothing of us: dkimpy, OpenDKIM (Debian's) and mailauth (npm)."""

from __future__ import annotations

import asyncio
import json
import random
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import dkim
import pytest

from dynamail.lib.clock import utc_now
from dynamail.lib.ids import new_id
from dynamail.messages.accepting import Content
from dynamail.messages.composing import (
    Composer,
    FrozenCampaign,
    compose_single,
    load_composing_settings,
)
from dynamail.messages.freezing import FrozenSender, FrozenSettings, FrozenSource
from dynamail.messages.personalizing import Recipient
from dynamail.messages.signing import SigningIdentity
from dynamail.protocols.dkim import DkimAlgorithm, DkimSigner, format_public_record, generate_private_key
from dynamail.protocols.smtp.client import open_connection
from dynamail.protocols.smtp.envelopes import Envelope, OutcomeKind
from dynamail.protocols.smtp.next_hop import NextHop, TlsMode
from tests.support.fake_mx import FakeMx
from tests.support.postfix import Postfix

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

MESSAGES = 1_000
PER_CAMPAIGN = 10
RELAYED = 60
BOTH = ["ed25519-sha256 pass", "rsa-sha256 pass"]
OPENDKIM = shutil.which("opendkim", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
MAILAUTH = Path(__file__).parent / "node"
needs_opendkim = pytest.mark.skipif(
    OPENDKIM is None, reason="OpenDKIM is not installed (make system-packages)"
)
needs_mailauth = pytest.mark.skipif(
    shutil.which("node") is None or not (MAILAUTH / "node_modules" / "mailauth").exists(),
    reason="Node or mailauth is not installed (make test installs mailauth)",
)

DOMAIN = "xn--80a1acn3a.example"
WORDS = [
    *(
        "Hello",
        "coffee",
        "  two  spaces  ",
        "\ttab",
        "trailing ",
        " ",
        ".dot",
        "..",
        "From ",
        "--",
        "=20",
        "=",
        "a" * 90,
    ),
    *(
        "привет",
        "Беларусь ☕",
        "日本語",
        "😀",
        "\u00a0",
        "\u200d",
        "é" * 40,
        "<b>&amp;</b>",
        "=?utf-8?q?x?=",
    ),
]
BREAKS = ["\n", "\n\n\n", "\r\n", " \n", "\t\n", "\r", " ", ""]
KINDS = ["html", "text"]
TRACKING = ["none", "aggregate", "individual"]


@dataclass(frozen=True)
class Generated:
    """The signed messages in files, and the DNS."""

    paths: list[Path]
    records: dict[str, str]
    folder: Path
    envelopes: list[Envelope]


class Author:
    """Writes campaigns and single messages of every sort; the same seed writes the same."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._settings = load_composing_settings()

    def text(self, most: int) -> str:
        """Words, spaces and line ends in any order; sometimes nothing."""
        count = self._random.choice([0, 1, 2, most // 2, most])
        return "".join(
            self._random.choice(WORDS) + self._random.choice([" ", " ", "", self._random.choice(BREAKS)])
            for _ in range(count)
        )

    def line(self, most: int) -> str:
        return " ".join(self.text(most).split()) or "Hello"

    def recipient(self, number: int) -> Recipient:
        local = self._random.choice(["ann", "ann.lee+news", '"odd,name"', "анна"])
        return Recipient(
            new_id(),
            f"{local}{number}@example.com" if not local.endswith('"') else f"{local}@example.com",
            self._random.choice(["", "Ann Lee", "Анна Ли", 'Lee, "Ann"', self.line(6)]),
            attributes={"city": self.text(5), "note": self.text(30)},
            tracking_allowed=self._random.random() < 0.7,
        )

    def composer(self, identity: SigningIdentity) -> Composer:
        body = f"{self.text(40)} Dear {{{{ contact.name }}}},  {{{{ contact.city }}}} {{{{ contact.note }}}} {self.text(200)}"
        kind = self._random.choice(KINDS)
        if kind == "html":
            link = '<a href="https://shop.example/a?x=1&amp;y=2">One</a>'
            body = f"<html><head><title></title></head><body>{body}{link}</body></html>{self.text(5)}"
        frozen = FrozenCampaign(
            7,
            new_id(),
            utc_now(),
            FrozenSource(
                kind, self._random.choice(["News for {{ contact.name }}", "Plain", "Новости " * 12]), body
            ),
            FrozenSender(f"news@{DOMAIN}", self.line(4), self._random.choice(["", f"answers@{DOMAIN}"])),
            FrozenSettings(3, self.line(3), "November", "Acme", tracking=self._random.choice(TRACKING)),
        )
        return Composer(frozen, self._settings, identity)

    def campaign(self, identity: SigningIdentity) -> Iterator[Envelope]:
        composer = self.composer(identity)
        for number in range(PER_CAMPAIGN):
            person = self.recipient(number)
            yield composer.compose(person, message_id=composer.message_id(person.contact_id), now=utc_now())

    def single(self, identity: SigningIdentity) -> Envelope:
        headers = [
            (f"X-Field-{number}", self.line(12)) for number in range(self._random.choice([0, 0, 3, 40]))
        ]
        headers += [("Cc", "bob@example.com"), ("List-Help", "<https://acme.example/>")][
            : self._random.randrange(3)
        ]
        html = f"<p>{self.text(60)}</p>" if self._random.random() < 0.6 else ""
        content = Content(
            f"news@{DOMAIN}",
            self.line(20),
            from_name=self.line(3),
            html=html,
            text=self.text(60),
            headers=tuple(headers),
        )
        return compose_single(
            content,
            message_id=new_id(),
            recipient=self.recipient(0).email,
            settings=self._settings,
            now=utc_now(),
            identity=identity,
        )


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    folder = tmp_path_factory.mktemp("signed")
    keys = {algorithm: generate_private_key(algorithm) for algorithm in DkimAlgorithm}
    signers = tuple(
        DkimSigner(domain=DOMAIN, selector=algorithm.key_type, private_key=key)
        for algorithm, key in keys.items()
    )
    identity = SigningIdentity(DOMAIN, signers, f"bounce.{DOMAIN}", f"https://click.{DOMAIN}")
    author = Author(seed=8463)
    envelopes: list[Envelope] = []
    while len(envelopes) < MESSAGES:
        envelopes += author.campaign(identity)
        envelopes += [author.single(identity) for _ in range(PER_CAMPAIGN)]
    paths = [folder / f"{number}.eml" for number in range(len(envelopes))]
    for path, envelope in zip(paths, envelopes, strict=True):
        assert isinstance(envelope.body, bytes)
        path.write_bytes(envelope.body)
    records = {
        f"{algorithm.key_type}._domainkey.{DOMAIN}": format_public_record(key)
        for algorithm, key in keys.items()
    }
    return Generated(paths, records, folder, envelopes)


def verify_with_dkimpy(generated: Generated) -> dict[str, list[str]]:
    def answer_dns(name: bytes, timeout: int = 5) -> bytes:
        return generated.records[name.decode().rstrip(".")].encode()

    verdicts: dict[str, list[str]] = {}
    for path in generated.paths:
        message, found = dkim.DKIM(path.read_bytes()), []
        for index in range(2):
            try:
                is_valid = message.verify(idx=index, dnsfunc=answer_dns)
            except dkim.DKIMException:
                is_valid = False
            found.append(f"{message.signature_fields[b'a'].decode()} {'pass' if is_valid else 'fail'}")
        verdicts[str(path)] = sorted(found)
    return verdicts


def verify_with_opendkim(generated: Generated) -> dict[str, list[str]]:
    """One process for all files; it prints an Authentication-Results field and then the file's name."""
    keys, config = generated.folder / "keys", generated.folder / "opendkim.conf"
    keys.write_text("".join(f"{name} {record}\n" for name, record in generated.records.items()))
    config.write_text(f"Mode v\nTestPublicKeys {keys}\nSyslog no\n")
    assert OPENDKIM is not None
    ran = subprocess.run(
        [OPENDKIM, "-x", str(config), "-vv", "-t", ",".join(path.name for path in generated.paths)],
        cwd=generated.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    verdicts = {}
    for block in ran.stdout.split("### INSHEADER")[1:]:
        path = re.search(r"opendkim: (\S+): verification", block)
        found = re.findall(r"dkim=(\w+)[^;]*?header\.a=(\S+)", block)
        if path:
            verdicts[str(generated.folder / path[1])] = sorted(
                f"{algorithm} {result}" for result, algorithm in found
            )
    return verdicts


def verify_with_mailauth(generated: Generated) -> dict[str, list[str]]:
    keys = generated.folder / "keys.json"
    keys.write_text(json.dumps(generated.records))
    ran = subprocess.run(
        ["node", MAILAUTH / "verify.cjs", keys, *generated.paths], capture_output=True, text=True, check=True
    )
    verdicts: dict[str, list[str]] = json.loads(ran.stdout)
    return verdicts


def assert_all_pass(verdicts: dict[str, list[str]], generated: Generated) -> None:
    assert len(verdicts) == MESSAGES
    assert {path: found for path, found in verdicts.items() if found != BOTH} == {}


def test_dkimpy_accepts_both_signatures_of_every_message(generated: Generated) -> None:
    assert_all_pass(verify_with_dkimpy(generated), generated)


@needs_opendkim
def test_opendkim_accepts_both_signatures_of_every_message(generated: Generated) -> None:
    assert_all_pass(verify_with_opendkim(generated), generated)


@needs_mailauth
def test_mailauth_accepts_both_signatures_of_every_message(generated: Generated) -> None:
    assert_all_pass(verify_with_mailauth(generated), generated)


@needs_opendkim
@needs_mailauth
@pytest.mark.parametrize("added", [b"From: Somebody <x@else.example>\r\n", b"Subject: Win!\r\n"])
def test_a_second_from_or_subject_fails_everywhere(
    generated: Generated, added: bytes, tmp_path: Path
) -> None:
    changed = []
    for path in generated.paths[:20]:
        message = path.read_bytes()
        for number, forged in enumerate(
            (added + message, message.replace(b"\r\n\r\n", b"\r\n" + added + b"\r\n", 1))
        ):
            changed.append(tmp_path / f"{path.stem}-{number}.eml")
            changed[-1].write_bytes(forged)
    forgeries = replace(generated, paths=changed, folder=tmp_path)
    for verify in (verify_with_dkimpy, verify_with_opendkim, verify_with_mailauth):
        verdicts = verify(forgeries)
        assert len(verdicts) == len(changed)
        assert [path for path, found in verdicts.items() if any("pass" in one for one in found)] == []


async def send_all(hop: NextHop, envelopes: Sequence[Envelope]) -> None:
    async with await open_connection(hop) as connection:
        for envelope in envelopes:
            assert (await connection.send(envelope)).kind == OutcomeKind.DELIVERED


def test_both_signatures_survive_a_relay(generated: Generated, tmp_path: Path) -> None:
    with FakeMx() as mx, Postfix(relay_to=(mx.host, mx.port)) as relay:
        asyncio.run(
            send_all(NextHop(relay.host, relay.port, tls=TlsMode.NONE), generated.envelopes[:RELAYED])
        )
        arrived = mx.wait_for_messages(RELAYED, timeout=60)
    paths = [tmp_path / f"{number}.eml" for number in range(RELAYED)]
    for path, message in zip(paths, arrived, strict=True):
        assert message.body.startswith(b"Received:")
        path.write_bytes(message.body)
    verdicts = verify_with_dkimpy(replace(generated, paths=paths))
    assert {path: found for path, found in verdicts.items() if found != BOTH} == {}
