"""Latencies of one trial, in milliseconds: from a row's impulse to its storing, and the part of it that is ours.

Ours is what passes from the moment at which the worker receives the runner's message with the row to the moment at
which it knows that the row is stored, less the time that the service takes by its setting. The worker tells it
(worker/row_trace.h): it alone sees both ends. A twin with a Python step in the sink's place would have the Python
harness's delays in it, which are longer than what is to be measured, and a difference of two percentiles is no
percentile. It counts what is not ours too: the request's way to the service and back, and how late the service is. It
leaves out the way of a message through gRPC's core, between the socket and the worker's completion queue.
"""

from typing import List, NamedTuple, Sequence

from trial import Measured


class Percentiles(NamedTuple):
    count: int
    p50: float
    p99: float


class Latencies(NamedTuple):
    total: Percentiles  # due to stored
    ours: Percentiles  # received by the worker to known to be stored, without the service's time
    bundle_end: Percentiles  # end of input received to bundle ended, without the service's time
    machine: Percentiles  # what a plain client is late by, on this machine in the same seconds


def latencies(measured: Measured) -> Latencies:
    from_us, until_us = measured.steady_us()
    service_us = measured.setting.service_ms * 1000
    rows = [one for one in measured.rows if one.received_us >= from_us]
    bundles = [one for one in measured.bundles if one.received_us >= from_us]
    return Latencies(
        total=percentiles([row.stored_us - row.due_us for row in measured.stored if row.due_us >= from_us]),
        ours=percentiles([row.ended_us - row.received_us - service_us for row in rows]),
        bundle_end=percentiles([bundle.ended_us - bundle.received_us - service_us for bundle in bundles]),
        machine=percentiles([one.excess_us for one in measured.machine if from_us <= one.at_us <= until_us]),
    )


def percentiles(values_us: Sequence[float]) -> Percentiles:
    if not values_us:
        return Percentiles(0, 0.0, 0.0)
    ordered: List[float] = sorted(values_us)
    return Percentiles(len(ordered), _quantile(ordered, 0.50) / 1000, _quantile(ordered, 0.99) / 1000)


def _quantile(ordered: List[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
