"""How many events a second one worker process tells one endpoint that answers at once, compared with a bare client.

    python -m benchmarks.webhooks [--quick]

A real `dynamail work` reads the log, makes deliveries, signs and posts them, and writes down each outcome; the sink answers 204 and notes when each
came. The rate counts from the first arrival to the last, with the reading of the log. The reference posts bodies of the same size to the same sink
with http.client: as many threads as an endpoint has requests at once, connections that are kept, nothing else. Both are taken in turns in one run;
the middle of the rounds counts.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import threading
import time
from dataclasses import dataclass

from benchmarks.harness import count_spent, print_result, print_table, read_cpu_seconds, read_load
from tests.support.delivering import Workplace, open_workplace
from tests.support.hooking import HookSinkProcess, happen, make_shop, start_hook_sink, start_work

BUDGET = 200.0  # events a second and process
AT_ONCE = 8  # requests on their way to one endpoint, as in webhooks/posters.py
EVENTS, QUICK_EVENTS = 10_000, 2_000  # in each round
ROUNDS = 3
BODY = b"x" * 190  # as long as a payload of campaign.launched


@dataclass(frozen=True)
class Round:
    rate: float
    reference_rate: float
    microseconds: float  # of the worker's CPU, for each event

    @property
    def ratio(self) -> float:
        return self.rate / self.reference_rate


def tell(place: Workplace, sink: HookSinkProcess, shop: int, pid: int, count: int) -> tuple[float, float]:
    """Events a second, and the worker's CPU time for each in microseconds."""
    seen, before = sink.count(), read_cpu_seconds([pid])
    happen(place, shop, count)
    place.wait_until(lambda: sink.count() >= seen + count)
    spent = count_spent(before, read_cpu_seconds([pid]))
    arrivals = sink.list_arrivals()[seen:]
    if len({one.webhook_id for one in arrivals}) != count:
        raise AssertionError(f"{count} events happened; {len(arrivals)} requests came")
    return (count - 1) / (arrivals[-1].at - arrivals[0].at), spent / count * 1e6


def post_barely(sink: HookSinkProcess, count: int) -> float:
    """Requests a second of the reference."""

    def post() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", sink.port)
        for _ in range(count // AT_ONCE):
            connection.request("POST", "/hook", BODY, {"content-type": "application/json"})
            connection.getresponse().read()
        connection.close()

    threads = [threading.Thread(target=post) for _ in range(AT_ONCE)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return count // AT_ONCE * AT_ONCE / (time.perf_counter() - started)


def measure(count: int) -> list[Round]:
    with start_hook_sink() as sink, open_workplace(DYNAMAIL_EGRESS_ALLOWED=sink.address) as place:
        shop = make_shop(place, sink)
        worker = start_work(place)
        happen(place, shop, 1)
        place.wait_until(lambda: sink.count() == 1)
        rounds = []
        for _ in range(ROUNDS):
            reference = post_barely(sink, count)
            rate, microseconds = tell(place, sink, shop, worker.pid, count)
            rounds.append(Round(rate, reference, microseconds))
        worker.stop()
        return rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer events")
    count = QUICK_EVENTS if parser.parse_args().quick else EVENTS
    load = read_load()
    rounds = measure(count)
    rate = statistics.median(one.rate for one in rounds)
    result: dict[str, object] = {
        "events_per_second": round(rate),
        "reference_per_second": round(statistics.median(one.reference_rate for one in rounds)),
        "ratio": round(statistics.median(one.ratio for one in rounds), 3),
        "worker_microseconds": round(statistics.median(one.microseconds for one in rounds)),
        "budget": BUDGET,
        "kept": rate >= BUDGET,
        "load_before": load,
    }
    print_table(result.items())
    print_result(result)


if __name__ == "__main__":
    main()
