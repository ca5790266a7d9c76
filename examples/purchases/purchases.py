"""Writes typed rows, with nulls, times and nested values, to a stream source of Tecton.

    export TECTON_API_KEY=...
    python purchases.py --tecton_instance=acme.tecton.ai --workspace_name=prod --stream_source_name=purchases

The runner is chosen as in every Python pipeline. The API key is the one in the environment variable TECTON_API_KEY,
which only the worker reads. Refused rows are counted and do not stop the others. The last line of the output has the
counters of the write and what its two outputs held, as JSON. The same program in Go and Java is in callers/.
"""

import argparse
import json
import logging
import math
import typing
from typing import Any, Dict, Iterator, List, Mapping, Optional

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics
from apache_beam.runners.runner import PipelineResult
from apache_beam.utils.timestamp import Timestamp

from beam_tecton import WriteToTectonStream


class Shop(typing.NamedTuple):
    """Where something was bought."""

    city: str
    lat: float


class Purchase(typing.NamedTuple):
    """The columns of the stream source."""

    user_id: str
    amount: Optional[float]
    items: int  # below zero: given back
    small: np.int32
    paid: bool
    tags: List[str]
    labels: Mapping[str, str]
    shop: Shop
    event_time: Timestamp


def make_purchases(count: int, broken: int) -> Iterator[Purchase]:
    """Purchases of as many users, the last ones with an amount that JSON cannot hold."""
    for n in range(count + broken):
        amount = math.nan if n >= count else None if n % 3 == 0 else n + 0.5
        yield Purchase(
            user_id=f"user-{n}",
            amount=amount,
            items=-n if n % 4 == 0 else n,
            small=np.int32(-n),
            paid=n % 2 == 0,
            tags=["a", "b"],
            labels={"channel": "web"},
            shop=Shop("Köln", 50.9375),
            event_time=Timestamp(seconds=1_700_000_000 + n, micros=250_000),
        )


def count_written(written: Any) -> None:
    Metrics.counter("purchases", "written").inc(written.records)


def count_failed(failed: Any) -> None:
    Metrics.counter("purchases", "failed").inc()
    logging.warning("%s was refused: %s", failed.failed_row.user_id, failed.error_message)


def counters(result: PipelineResult) -> Dict[str, int]:
    """The counters of the write and of its outputs."""
    counted: Dict[str, int] = {}
    for counter in result.metrics().query()["counters"]:
        name = counter.key.metric
        if name.namespace in ("purchases", "tecton_stream_ingest"):
            counted[name.name] = counted.get(name.name, 0) + (counter.result or 0)  # a committed 0 comes as None
    return counted


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes purchases to a Tecton stream source.")
    parser.add_argument("--tecton_instance", help="host name of the Tecton account")
    parser.add_argument("--endpoint_url", help="whole URL to send to, in place of the one made from tecton_instance")
    parser.add_argument("--workspace_name", required=True)
    parser.add_argument("--stream_source_name", required=True)
    parser.add_argument("--count", type=int, default=100, help="how many purchases to write")
    parser.add_argument("--broken", type=int, default=0, help="how many to add that are refused")
    parser.add_argument(
        "--sink_environment_type", help="the sink's option environment_type: PROCESS, EXTERNAL or DOCKER"
    )
    parser.add_argument("--sink_environment_config", help="the sink's option environment_config")
    given, pipeline_arguments = parser.parse_known_args()
    options = {
        "tecton_instance": given.tecton_instance,
        "endpoint_url": given.endpoint_url,
        "environment_type": given.sink_environment_type,
        "environment_config": given.sink_environment_config,
    }

    pipeline = beam.Pipeline(argv=pipeline_arguments)
    purchases = (
        pipeline
        | "Sizes" >> beam.Create([(given.count, given.broken)])
        | "Purchases" >> beam.FlatMapTuple(make_purchases).with_output_types(Purchase)
    )
    result = purchases | WriteToTectonStream(
        api_key="env:TECTON_API_KEY",
        workspace_name=given.workspace_name,
        stream_source_name=given.stream_source_name,
        timestamp_field="event_time",
        error_handling={"output": "errors"},
        **{name: value for name, value in options.items() if value is not None},
    )
    result.written | "CountWritten" >> beam.Map(count_written)
    result.failed_rows | "CountFailed" >> beam.Map(count_failed)
    ran = pipeline.run()
    ran.wait_until_finish()
    print(json.dumps(counters(ran)))


if __name__ == "__main__":
    main()
