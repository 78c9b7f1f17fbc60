"""Reads damaged messages, to find one that crashes or delays the reader. `python -m benchmarks.fuzz_reports [--count N] [--seed N]`.

Each input is a message of tests/data/bounces after one to six damages (pieces cut, doubled, moved between messages, bytes
changed, lines repeated thousands of times, boundaries confused), or random bytes. The last line is JSON.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.bounces import DEFAULT_FOLDER
from benchmarks.harness import print_result
from dynamail.protocols.reports.reading import read_report

MAX_MS = 200.0
QUICK = 2_000
FULL = 1_000_000
TYPICAL_INPUT = 8_000
MAX_INPUT = 2_000_000
PROGRESS = 50_000

_TOKENS = (
    b"\r\n\r\n", b"\n--", b"\r", b"\0", b"\x1b$B", b"=?utf-8?b?/////?=", b"=?utf-8?q?=FF=00?=", b"\xff\xfe", b"<a@b.example>",
    b"550 5.1.1 ", b"Content-Type: multipart/mixed; boundary=\"\"\n", b"Content-Type: message/rfc822\n\n", b"Final-Recipient: rfc822;",
    b"Content-Transfer-Encoding: base64\n\n", b"{\"notificationType\":\"Bounce\",\"bounce\":" + b"[" * 50, b"utf-8; \\x{110000}", b"@" * 50,
    b"charset=utf-7\n\n+AAA-", b"...", b">>> RCPT To:<", b"\xe2\x80\xae",
)  # fmt: skip

Damage = Callable[[random.Random, bytes, list[bytes]], bytes]


def cut(chance: random.Random, data: bytes, corpus: list[bytes]) -> bytes:
    start = chance.randrange(len(data) + 1)
    return data[:start] + data[start + chance.randrange(1 + min(len(data), 4_000)) :]


def double(chance: random.Random, data: bytes, corpus: list[bytes]) -> bytes:
    start = chance.randrange(len(data) + 1)
    piece = data[start : start + chance.randrange(1, 400)]
    return data[:start] + piece * chance.choice((2, 3, 50, 1_000)) + data[start:]


def splice(chance: random.Random, data: bytes, corpus: list[bytes]) -> bytes:
    other = chance.choice(corpus)
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


def scratch(chance: random.Random, data: bytes, corpus: list[bytes]) -> bytes:
    damaged = bytearray(data)
    for _ in range(chance.randrange(1, 30)):
        if damaged:
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    return bytes(damaged)


def insert(chance: random.Random, data: bytes, corpus: list[bytes]) -> bytes:
    for _ in range(chance.randrange(1, 8)):
        place = chance.randrange(len(data) + 1)
        data = data[:place] + chance.choice(_TOKENS) * chance.choice((1, 1, 1, 20, 500)) + data[place:]
    return data


def swap_lines(chance: random.Random, data: bytes, corpus: list[bytes]) -> bytes:
    lines = data.split(b"\n")
    for _ in range(chance.randrange(1, 6)):
        one, two = chance.randrange(len(lines)), chance.randrange(len(lines))
        lines[one], lines[two] = lines[two], lines[one]
    return b"\n".join(lines)


DAMAGES: tuple[Damage, ...] = (cut, double, splice, scratch, insert, swap_lines)


def make_input(chance: random.Random, corpus: list[bytes]) -> bytes:
    if chance.random() < 0.05:
        return chance.randbytes(chance.choice((0, 1, 20, 2_000, 50_000)))
    data = chance.choice(corpus)
    if chance.random() < 0.8:
        data = data[:TYPICAL_INPUT]  # what a report says stands at its beginning
    for _ in range(chance.randrange(1, 7)):
        data = chance.choice(DAMAGES)(chance, data, corpus)[:MAX_INPUT]
    return data


def measure(count: int, seed: int, keep: Path | None) -> dict[str, object]:
    chance = random.Random(seed)
    corpus = [path.read_bytes() for path in sorted(DEFAULT_FOLDER.glob("*.eml"))]
    slowest, crashes, total, slow = 0.0, 0, 0.0, 0
    for number in range(count):
        data = make_input(chance, corpus)
        started = time.thread_time()
        try:
            read_report(data)
        except Exception as error:
            crashes += 1
            print(f"crash at {number}: {error!r}")
            save(keep, data)
        spent = (time.thread_time() - started) * 1000
        total += spent
        slow += spent > MAX_MS
        if number and number % PROGRESS == 0:
            print(f"{number:,} inputs, {crashes} crashes, slowest {slowest:.1f} ms", flush=True)
        if spent > slowest:
            slowest = spent
            print(f"slowest so far at {number}: {spent:.1f} ms, {len(data)} bytes")
            save(keep, data)
    return {
        "name": "fuzz_reports",
        "inputs": count,
        "crashes": crashes,
        "slowest_ms": round(slowest, 1),
        "slower_than_budget": slow,
        "mean_ms": round(total / max(count, 1), 3),
        "ratio": round(MAX_MS / max(slowest, 0.001), 2),
        "budget": 1.0,
        "holds": crashes == 0 and slowest <= MAX_MS,
    }


def save(folder: Path | None, data: bytes) -> None:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{hashlib.sha256(data).hexdigest()[:16]}.eml").write_bytes(data)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=FULL)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} inputs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--keep", type=Path, default=None, help="a folder for inputs that crash or are the slowest so far"
    )
    arguments = parser.parse_args()
    print_result(measure(QUICK if arguments.quick else arguments.count, arguments.seed, arguments.keep))
