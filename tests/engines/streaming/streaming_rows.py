"""Rows that are made while the pipeline runs: one tick an impulse, and the flights file replayed at a set rate.

Each row carries the time at which its impulse was due, so that its latency counts from there: what the source itself is
late by is part of what a reader of the features sees.
"""

import functools
import itertools
from typing import Any, Iterator, List, NamedTuple

import apache_beam as beam
from apache_beam.transforms.periodicsequence import PeriodicImpulse, RebaseMode
from apache_beam.utils.timestamp import Timestamp
from flights import Flight, flights_file, read_flights

TICK_SECONDS = 0.1  # between two impulses, of either source
FLIGHTS_A_TICK = 10
REPLAYED_FLIGHTS = 20_000  # from the file's start; more than two minutes take


class Tick(NamedTuple):
    """The row of one impulse."""

    tick: int
    tick_time: Timestamp
    due_us: int


class ReplayedFlight(NamedTuple("Columns", [*Flight.__annotations__.items(), ("due_us", int)])):  # type: ignore[misc]
    """A row of the flights file, and when it is replayed: microseconds since 1970."""


def number_of(impulse: Timestamp) -> int:
    return round(impulse.micros / (TICK_SECONDS * 1e6))


class MakeTick(beam.DoFn):
    def process(self, _: Any, impulse: Any = beam.DoFn.TimestampParam) -> Iterator[Tick]:
        yield Tick(number_of(impulse), impulse, impulse.micros)


class ReplayFlights(beam.DoFn):
    """Reads on at each impulse. Which rows follows from the impulse alone, so that a retry makes the same."""

    def setup(self) -> None:
        first_flights()

    def process(self, _: Any, impulse: Any = beam.DoFn.TimestampParam) -> Iterator[ReplayedFlight]:
        flights = first_flights()
        start = number_of(impulse) * FLIGHTS_A_TICK % len(flights)
        for flight in flights[start : start + FLIGHTS_A_TICK]:
            yield ReplayedFlight(*flight, impulse.micros)


@functools.lru_cache(maxsize=1)
def first_flights() -> List[Flight]:
    return list(itertools.islice(read_flights(flights_file()), REPLAYED_FLIGHTS))


def ticks(pipeline: beam.Pipeline, seconds: float) -> beam.PCollection:
    return _impulses(pipeline, "Ticks", seconds) | "Make ticks" >> beam.ParDo(MakeTick()).with_output_types(Tick)


def replayed_flights(pipeline: beam.Pipeline, seconds: float) -> beam.PCollection:
    impulses = _impulses(pipeline, "Pace of the flights", seconds)
    return impulses | "Replay flights" >> beam.ParDo(ReplayFlights()).with_output_types(ReplayedFlight)


def _impulses(pipeline: beam.Pipeline, label: str, seconds: float) -> beam.PCollection:
    """Unbounded for the runner, and at its end after so many seconds of running."""
    return pipeline | label >> PeriodicImpulse(0, seconds, TICK_SECONDS, rebase=RebaseMode.REBASE_ALL)
