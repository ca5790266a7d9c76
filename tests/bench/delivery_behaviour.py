"""How delivery copes with a server that is slow, limited, or away for a while: the emulator's traffic models."""

from __future__ import annotations

import threading
import time
from typing import Any, Dict, Iterator, List, Tuple

from bench_report import Figure
from canned_server import Certificate
from delivery_trial import STEP_S, Trial, timed_bundle, trial, wait_until
from process_cost import median

ROWS_A_REQUEST = 10
IN_FLIGHT = 50


def answers(steps: List[Dict[str, Any]], status: str = "") -> int:
    """Answers with `status`, or all."""
    return sum(count for step in steps for found, count in step["answers"].items() if not status or found == status)


# --- 3: cost at 90 ms ---


def cost_when_slow(quick: bool) -> Iterator[Figure]:
    rows, rounds = (5_000, 3) if quick else (15_000, 5)
    bundle = timed_bundle(rows)
    with trial(max_in_flight=IN_FLIGHT) as one:
        one.emulator.traffic(latency={"fixed_ms": 90})
        one.runner.run(bundle, 1)
        costs = []
        for _ in range(rounds):
            before = one.runner.cpu_us()
            one.runner.run(bundle, 1)
            costs.append((one.runner.cpu_us() - before) / rows)
    against = {"our best round": min(costs)}
    yield Figure("rows to requests, clear, 90 ms and 50 in flight", median(costs), "us a row", 4.0, against=against)


# --- 5: Little's law, and how fast it gets there ---


def little(quick: bool) -> Iterator[Figure]:
    seconds = 4.0 if quick else 12.0
    with trial(max_in_flight=IN_FLIGHT) as one:
        one.emulator.traffic(latency="tecton")
        started = time.monotonic()
        settled_s = 2.0
        one.feed_for(settled_s + seconds, timed_bundle(10_000))
        steps = one.history_between(started + settled_s, started + settled_s + seconds)
        mean_s = one.emulator.counters()["mean_latency_ms"] / 1e3
    rate = sum(step["records_written"] for step in steps) / (len(steps) * STEP_S)
    law = IN_FLIGHT / mean_s * ROWS_A_REQUEST
    yield Figure("Tecton's latency, 50 in flight, throughput", rate, "rows a second", against={"Little's law": law})
    yield Figure("Tecton's latency, 50 in flight, of Little's law", rate / law * 100, "%", 95.0, at_least=True)


def ramp(quick: bool) -> Iterator[Figure]:
    wanted, round_trip_s, trips = 200, 0.2, 20
    name, bar = "from cold to 200 in flight", 10.0
    with trial(max_in_flight=wanted) as one:
        one.emulator.traffic(latency={"fixed_ms": round_trip_s * 1e3})
        one.feed_for(round_trip_s * trips, timed_bundle(10_000))
        steps = one.emulator.history()
    busy = [i for i, step in enumerate(steps) if step["arrivals"] > 0]
    there = [i for i, step in enumerate(steps) if step["max_in_flight"] >= wanted]
    if there:
        yield Figure(name, (there[0] - busy[0] + 1) * STEP_S / round_trip_s, "round trips", bar)
    else:
        most = max(step["max_in_flight"] for step in steps)
        yield Figure(name, None, "round trips", bar, why=f"at most {most} in flight within {trips} round trips")


# --- 6: limits that the sink has to find ---


def hidden_limits(quick: bool) -> Iterator[Figure]:
    settled_s, seconds = 10.0, (5.0 if quick else 20.0)
    latency_s = 0.1
    cases = {
        "at most 40 in progress": ({"max_in_progress": 40}, 40 / latency_s),
        "at most 300 requests a second": ({"requests_per_second": 300}, 300.0),
    }
    for name, (capacity, limit) in cases.items():
        with trial(max_in_flight=200) as one:
            one.emulator.traffic(latency={"fixed_ms": latency_s * 1e3}, capacity=capacity)
            started = time.monotonic()
            one.feed_for(settled_s + seconds, timed_bundle(5_000))
            steps = one.history_between(started + settled_s, started + settled_s + seconds)
        good, refused, total = answers(steps, "200"), answers(steps, "429"), max(answers(steps), 1)
        goodput = good / (len(steps) * STEP_S) / limit * 100
        yield Figure(f"{name}: goodput, of the limit", goodput, "%", 95.0, at_least=True)
        yield Figure(f"{name}: share of 429 after 10 s", refused / total * 100, "%", 5.0)


# --- 7: small bundles ---


def percentile(values: List[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


class BundleTotals:
    """What bundles of one kind cost, over several rounds."""

    def __init__(self) -> None:
        self.seconds: List[float] = []
        self.wall_s = self.cpu_us = 0.0
        self.requests = 0

    def add(self, one: Trial, bundle: List[bytes], bundles: int, at_once: int) -> None:
        requests = one.emulator.counters()["requests"]
        cpu, started = one.runner.cpu_us(), time.monotonic()
        left = iter(range(bundles))
        self.seconds += one.runner.drive(bundle, at_once, lambda: next(left, None) is not None).seconds
        self.wall_s += time.monotonic() - started
        self.cpu_us += one.runner.cpu_us() - cpu
        self.requests += one.emulator.counters()["requests"] - requests


def small_bundles(quick: bool) -> Iterator[Figure]:
    bundles, rounds, at_once, linger_ms = (150, 2, 8, 10) if quick else (400, 4, 8, 10)
    for rows in (1, 10):
        bundle = timed_bundle(rows)
        with trial(linger_ms=linger_ms) as sharing, trial(linger_ms=0) as alone:
            kinds = {"sharing": (sharing, BundleTotals()), "alone": (alone, BundleTotals())}
            for one, _ in kinds.values():
                one.emulator.traffic(latency={"fixed_ms": 60})
                one.runner.run(bundle, 2 * at_once, at_once)
            for _ in range(rounds):
                for one, totals in kinds.values():
                    totals.add(one, bundle, bundles, at_once)
        count = bundles * rounds
        with_it, without = kinds["sharing"][1], kinds["alone"][1]
        name = f"{rows}-row bundles, 8 at once, 60 ms"

        def beside(value: float) -> Dict[str, float]:
            return {"linger_ms=0": value}

        yield Figure(
            f"{name}: throughput",
            count * rows / with_it.wall_s,
            "rows a second",
            against=beside(count * rows / without.wall_s),
        )
        yield Figure(
            f"{name}: requests", with_it.requests / count, "a bundle", against=beside(without.requests / count)
        )
        yield Figure(
            f"{name}: requests over those without sharing",
            with_it.requests / without.requests,
            "x",
            0.2 if rows == 1 else None,
        )
        yield Figure(f"{name}: CPU", with_it.cpu_us / count, "us a bundle", against=beside(without.cpu_us / count))
        p99_with, p99_without = (percentile(totals.seconds, 0.99) * 1e3 for totals in (with_it, without))
        yield Figure(f"{name}: p99 of a bundle", p99_with, "ms", against=beside(p99_without))
        yield Figure(
            f"{name}: p99 beyond linger, over without",
            p99_with - p99_without - linger_ms,
            "ms",
            2.0 if rows == 1 else None,
        )


# --- 8: after an outage ---


def outage(quick: bool) -> Iterator[Figure]:
    before_s, out_s, after_s = 4.0, 10.0, (15.0 if quick else 30.0)
    share, bar = 0.9, 5.0
    with trial(max_in_flight=IN_FLIGHT) as one:
        one.emulator.traffic(latency={"fixed_ms": 100})
        started = time.monotonic()
        one.emulator.faults({"status": 503, "after_ms": before_s * 1e3, "for_ms": out_s * 1e3})
        failures = one.feed_for(before_s + out_s + after_s, timed_bundle(1_000), tolerant=True)
        out = started + before_s
        back = out + out_s
        usual = one.history_between(out - 2.0, out)
        away = one.history_between(out, back)
        later = one.history_between(back, back + after_s)
    usual_rate = answers(usual, "200") / len(usual)
    window = int(1 / STEP_S)
    recovered = [
        i for i in range(len(later) - window) if answers(later[i : i + window], "200") >= share * usual_rate * window
    ]
    name = "after 10 s of 503: until 90 % of the goodput before"
    against = {"before": usual_rate / STEP_S * ROWS_A_REQUEST}
    yield Figure("before an outage, throughput", usual_rate / STEP_S * ROWS_A_REQUEST, "rows a second")
    yield Figure("during it, requests", answers(away) / out_s, "a second")
    yield Figure("during and after it, bundles that failed", float(len(failures)), "bundles")
    if recovered:
        yield Figure(name, recovered[0] * STEP_S, "s", bar)
    else:
        most = max(answers(later[i : i + window], "200") for i in range(len(later) - window))
        why = f"not within {after_s:.0f} s; at best {most / (usual_rate * window) * 100:.0f} %"
        yield Figure(name, None, "s", bar, against=against, why=why)


# --- 9: memory ---


def rss_in_flight(one: Trial, wanted: int, patience_s: float) -> Tuple[float, int]:
    """Feeds until so many are in flight: MiB of the worker then, and how many there were at most."""
    enough = threading.Event()
    feeding = (timed_bundle(10_000), 2, lambda: not enough.is_set())
    feeder = threading.Thread(target=one.runner.drive, args=feeding, daemon=True)
    feeder.start()
    try:
        wait_until(lambda: one.emulator.counters()["in_flight"] >= wanted, patience_s)
        return one.runner.rss_mib(), one.emulator.counters()["max_in_flight"]
    finally:
        enough.set()
        one.emulator.traffic()
        feeder.join(timeout=patience_s)


def memory(quick: bool) -> Iterator[Figure]:
    wanted, latency_s, patience_s = 1000, 2.0, (30.0 if quick else 60.0)
    for name, certificate, bar in (("clear", None, 64.0), ("TLS", Certificate(), 112.0)):
        with trial(certificate, max_in_flight=wanted) as one:
            one.emulator.traffic(latency={"fixed_ms": latency_s * 1e3})
            resident, most = rss_in_flight(one, wanted, patience_s)
        title = f"RSS at 1,000 in flight, {name}"
        if most >= wanted:
            yield Figure(title, resident, "MiB", bar)
        else:
            why = f"at most {most} in flight within {patience_s:.0f} s, then {resident:.1f} MiB"
            yield Figure(title, None, "MiB", bar, why=why)
