"""What one message costs before it meets the network: render, sign, encode, join. `python -m benchmarks.composing [--quick]`."""

from __future__ import annotations

import argparse
import json
import os
import time

BUDGET_MICROSECONDS = 40.0


def measure(count: int) -> dict[str, object]:
    import django

    django.setup()
    from benchmarks.sample_email import make_campaign
    from dynamail.lib.clock import utc_now
    from dynamail.lib.ids import new_id
    from dynamail.messages.composing import Composer, load_composing_settings
    from dynamail.messages.personalizing import Recipient

    now = utc_now()
    composer = Composer(make_campaign(7, new_id(now), 3, now), load_composing_settings())
    people = [
        Recipient(
            new_id(),
            f"person{number}@example.com",
            f"Person {number}",
            attributes={"city": "Grodno", "card": f"{number:08d}", "points": number},
            tracking_allowed=True,
        )
        for number in range(1000)
    ]
    size = len(
        composer.compose(people[0], message_id=composer.message_id(people[0].contact_id), now=now).body
    )
    started = time.process_time()
    for number in range(count):
        person = people[number % 1000]
        composer.compose(person, message_id=composer.message_id(person.contact_id), now=now)
    each = (time.process_time() - started) / count * 1e6
    return {
        "name": "composing",
        "rate": round(1e6 / each),
        "unit": "messages/s",
        "microseconds": round(each, 1),
        "bytes": size,
        "reference": f"{BUDGET_MICROSECONDS} µs",
        "ratio": round(BUDGET_MICROSECONDS / each, 2),
        "budget": 1.0,
        "holds": each <= BUDGET_MICROSECONDS,
    }


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dynamail.settings")
    os.environ.setdefault("DYNAMAIL_SECRET_KEY", "a key for benchmarks only, long enough to be accepted")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    print(json.dumps(measure(10_000 if parser.parse_args().quick else 100_000)))
