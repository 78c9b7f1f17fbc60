"""What one message costs before it meets the network: render, sign, encode, join. `python -m benchmarks.composing [--quick] [--dkim]`.

--dkim adds messages that are signed: with RSA-2048, with Ed25519 and with both, of about 10 and 100 KB. Their reference is what
this machine can sign at all in the same run: bare signatures of a digest, one core. CPU time, not the clock, for the machine may
be busy with something else.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.harness import print_result, print_table

if TYPE_CHECKING:
    from dynamail.messages.composing import Composer
    from dynamail.messages.personalizing import Recipient
    from dynamail.protocols.dkim import DkimSigner

BUDGET_MICROSECONDS = 40.0
SIGNED_BUDGET_MICROSECONDS = 300.0  # with RSA-2048, 10 KB
ROUNDS = 20  # the quickest counts: what else runs on the machine only adds
PEOPLE = 1_000


@dataclass(frozen=True)
class Case:
    """Messages of one size under one set of keys; microseconds of CPU."""

    keys: str
    kilobytes: int
    bytes: int
    microseconds: float
    signature_microseconds: float  # of the bare signatures alone

    @property
    def ratio(self) -> float | None:
        """Signed messages a second as a share of the signatures a second that a core can make."""
        return round(self.signature_microseconds / self.microseconds, 2) if self.keys != "none" else None


def measure(count: int, *, dkim: bool = False) -> dict[str, object]:
    import django

    django.setup()
    plain = measure_case("none", 10, count)
    result: dict[str, object] = {
        "name": "composing",
        "rate": round(1e6 / plain.microseconds),
        "unit": "messages/s",
        "microseconds": plain.microseconds,
        "bytes": plain.bytes,
        "reference": f"{BUDGET_MICROSECONDS} µs",
        "ratio": round(BUDGET_MICROSECONDS / plain.microseconds, 2),
        "budget": 1.0,
        "holds": plain.microseconds <= BUDGET_MICROSECONDS,
    }
    if dkim:
        result |= describe_signed([plain, *measure_signed(count)])
    return result


def measure_signed(count: int) -> list[Case]:
    cases = [measure_case(keys, 10, count // 5) for keys in ("rsa", "ed25519", "both")]
    return cases + [measure_case(keys, 100, count // 10) for keys in ("none", "rsa", "ed25519", "both")]


def describe_signed(cases: Sequence[Case]) -> dict[str, object]:
    print_table([("keys, size", "µs a message; of them bare signatures; ratio"), *map(_describe, cases)])
    with_rsa = next(case for case in cases if case.keys == "rsa" and case.kilobytes == 10)
    return {
        "dkim": [{**asdict(case), "ratio": case.ratio} for case in cases],
        "dkim_budget": f"{SIGNED_BUDGET_MICROSECONDS} µs with RSA-2048",
        "dkim_holds": with_rsa.microseconds <= SIGNED_BUDGET_MICROSECONDS,
    }


def measure_case(keys: str, kilobytes: int, count: int) -> Case:
    from dynamail.lib.clock import utc_now

    signers = make_signers(keys)
    composer, people, now = make_composer(kilobytes, signers), make_people(), utc_now()

    def compose(number: int) -> bytes | bytearray | memoryview:
        person = people[number % PEOPLE]
        message_id = composer.message_id(person.contact_id)
        return composer.compose(person, message_id=message_id, now=now).body

    digest = hashlib.sha256(b"a message").digest()

    def sign(number: int) -> None:
        for signer in signers:
            signer.sign(digest)

    share = max(count // ROUNDS, 10)
    rounds = [(time_each(compose, share), time_each(sign, share)) for _ in range(ROUNDS)]
    return Case(
        keys,
        kilobytes,
        len(compose(0)),
        round(min(composed for composed, _ in rounds), 1),
        round(min(signed for _, signed in rounds), 1) if signers else 0.0,
    )


def time_each(work: Callable[[int], object], count: int) -> float:
    """Microseconds of CPU."""
    started = time.process_time()
    for number in range(count):
        work(number)
    return (time.process_time() - started) / count * 1e6


def make_signers(keys: str) -> list[DkimSigner]:
    from dynamail.protocols.dkim import DkimAlgorithm, DkimSigner, generate_private_key

    wanted = [one for one in DkimAlgorithm if keys in ("both", one.key_type)]
    return [
        DkimSigner(domain="roastery.example", selector=one.key_type, private_key=generate_private_key(one))
        for one in wanted
    ]


def make_composer(kilobytes: int, signers: Sequence[DkimSigner]) -> Composer:
    from benchmarks.sample_email import make_campaign, make_source
    from dynamail.lib.clock import utc_now
    from dynamail.lib.ids import new_id
    from dynamail.messages.composing import Composer, load_composing_settings
    from dynamail.messages.signing import SigningIdentity

    now = utc_now()
    frozen = replace(make_campaign(7, new_id(now), 3, now), source=make_source(kilobytes))
    return Composer(frozen, load_composing_settings(), SigningIdentity("roastery.example", tuple(signers)))


def make_people() -> list[Recipient]:
    from dynamail.lib.ids import new_id
    from dynamail.messages.personalizing import Recipient

    return [
        Recipient(
            new_id(),
            f"person{number}@example.com",
            f"Person {number}",
            attributes={"city": "Grodno", "card": f"{number:08d}", "points": number},
            tracking_allowed=True,
        )
        for number in range(PEOPLE)
    ]


def _describe(case: Case) -> tuple[str, str]:
    ratio = "" if case.ratio is None else f"; {case.signature_microseconds}; {case.ratio}"
    return f"{case.keys}, {case.bytes:,} bytes", f"{case.microseconds}{ratio}"


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dynamail.settings")
    os.environ.setdefault("DYNAMAIL_SECRET_KEY", "a key for benchmarks only, long enough to be accepted")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--dkim", action="store_true", help="signed messages too")
    options = parser.parse_args()
    print_result(measure(10_000 if options.quick else 100_000, dkim=options.dkim))
