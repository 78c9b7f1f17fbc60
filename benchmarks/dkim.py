"""How fast whole messages are signed, and by what. `python -m benchmarks.dkim [--quick]`.

Our signer (`protocols.dkim.sign_message`: header fields read, body made canonical, RSA-2048) against dkimpy on the same message of
about 10 KB, and against bare RSA signatures, which no signer can beat. CPU time of one core.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import os

from benchmarks.composing import make_composer, make_people, make_signers, time_each
from benchmarks.harness import print_result, print_table

BUDGET = 0.6  # of the bare signatures
COUNT, QUICK_COUNT = 5_000, 1_000


def measure(count: int) -> dict[str, object]:
    import django

    django.setup()
    from dynamail.lib.clock import utc_now
    from dynamail.protocols.dkim import sign_message

    now, message = utc_now(), make_message()
    rsa, ed25519, both = make_signers("rsa"), make_signers("ed25519"), make_signers("both")
    digest = hashlib.sha256(message).digest()
    dkimpy = make_dkimpy_signer(message)
    costs = {
        "bare_rsa": time_each(lambda _: rsa[0].sign(digest), count),
        "bare_ed25519": time_each(lambda _: ed25519[0].sign(digest), count),
        "rsa": time_each(lambda _: sign_message(message, rsa, now=now), count),
        "ed25519": time_each(lambda _: sign_message(message, ed25519, now=now), count),
        "both": time_each(lambda _: sign_message(message, both, now=now), count),
        "dkimpy_rsa": time_each(dkimpy, count // 20),
    }
    rates = {name: round(1e6 / microseconds) for name, microseconds in costs.items()}
    ratio = round(costs["bare_rsa"] / costs["rsa"], 2)
    return {
        "name": "dkim",
        "rate": rates["rsa"],
        "unit": "messages/s",
        "reference": rates["bare_rsa"],
        "ratio": ratio,
        "budget": BUDGET,
        "holds": ratio >= BUDGET,
        "times_dkimpy": round(costs["dkimpy_rsa"] / costs["rsa"], 1),
        "rates": rates,
        "bytes": len(message),
    }


def make_message() -> bytes:
    composer, person = make_composer(10, []), make_people()[0]
    from dynamail.lib.clock import utc_now

    envelope = composer.compose(person, message_id=composer.message_id(person.contact_id), now=utc_now())
    return bytes(envelope.body)


def make_dkimpy_signer(message: bytes):  # type: ignore[no-untyped-def]
    """dkimpy with a key of the same size and the same canonical forms."""
    import dkim

    from dynamail.protocols.dkim import DkimAlgorithm, generate_private_key

    encoded = base64.encodebytes(generate_private_key(DkimAlgorithm.RSA))
    pem = b"-----BEGIN PRIVATE KEY-----\n" + encoded + b"-----END PRIVATE KEY-----\n"
    return lambda _: dkim.sign(
        message, b"rsa", b"roastery.example", pem, canonicalize=(b"relaxed", b"relaxed")
    )


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dynamail.settings")
    os.environ.setdefault("DYNAMAIL_SECRET_KEY", "a key for benchmarks only, long enough to be accepted")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    result = measure(QUICK_COUNT if parser.parse_args().quick else COUNT)
    rates = result["rates"]
    assert isinstance(rates, dict)
    print_table([(name, f"{rate:,} a second") for name, rate in rates.items()])
    print_result(result)


if __name__ == "__main__":
    main()
