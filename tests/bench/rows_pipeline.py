"""Python's pipeline of `./run bench engines`: makes rows and writes them, or counts and drops them."""

import argparse
from typing import Iterator

import apache_beam as beam
from apache_beam.metrics import Metrics
from bench_rows import TimedRow, timed_row

from beam_tecton import WriteToTectonStream

CHUNKS = 100  # bundles' worth of rows, spread over what runs side by side


class MakeRows(beam.DoFn):
    def __init__(self, rows: int) -> None:
        self.rows = rows

    def process(self, chunk: int) -> Iterator[TimedRow]:
        for i in range(chunk * self.rows // CHUNKS, (chunk + 1) * self.rows // CHUNKS):
            yield timed_row(i)


class Drop(beam.DoFn):
    def __init__(self) -> None:
        self.rows = Metrics.counter("null_sink", "rows")

    def process(self, row: TimedRow) -> None:
        self.rows.inc()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--endpoint_url", help="where to write; without it rows are dropped")
    parser.add_argument("--expansion_service")
    given, pipeline_arguments = parser.parse_known_args()
    with beam.Pipeline(argv=pipeline_arguments) as pipeline:
        rows = (
            pipeline
            | beam.Create(range(CHUNKS))
            | beam.Reshuffle()
            | beam.ParDo(MakeRows(given.rows)).with_output_types(TimedRow)
        )
        if given.endpoint_url is None:
            rows | beam.ParDo(Drop())
        else:
            rows | WriteToTectonStream(
                endpoint_url=given.endpoint_url,
                api_key="env:TECTON_API_KEY",
                workspace_name="prod",
                stream_source_name="events",
                environment_type="EXTERNAL",
                expansion_service=given.expansion_service,
            )


if __name__ == "__main__":
    main()
