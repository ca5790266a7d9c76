"""Runs the streaming pipeline once: ticks and replayed flights, each to a stream source of its own, in fixed windows.

Its outputs are noted in a file (observations.py). Arguments that it does not know are options of the pipeline.
"""

import argparse
from pathlib import Path
from typing import Any, Dict

import apache_beam as beam
from apache_beam.transforms.window import FixedWindows
from observations import NoteFired, NoteWritten
from streaming_rows import replayed_flights, ticks

from beam_tecton import WriteToTectonStream

SOURCES = {"ticks": ticks, "flights": replayed_flights}


def stream(pipeline: beam.Pipeline, seconds: float, window_seconds: float, notes: Path, config: Dict[str, Any]) -> None:
    """Adds all steps to the pipeline."""
    for name, rows in SOURCES.items():
        written = (
            rows(pipeline, seconds)
            | f"Windows of {name}" >> beam.WindowInto(FixedWindows(window_seconds))
            | f"Write {name}" >> WriteToTectonStream(stream_source_name=name, **config)
        ).written
        (
            written
            | f"Note {name}" >> beam.ParDo(NoteWritten(str(notes), name)).with_output_types(int)
            | f"Count {name}" >> beam.CombineGlobally(sum).without_defaults()
            | f"Note windows of {name}" >> beam.ParDo(NoteFired(str(notes), name))
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, required=True, help="how long the sources run")
    parser.add_argument("--window_seconds", type=float, required=True)
    parser.add_argument("--notes", type=Path, required=True, help="file for what the outputs say")
    for option in ("endpoint_url", "workspace_name", "api_key"):
        parser.add_argument(f"--{option}", required=True)
    given, pipeline_arguments = parser.parse_known_args()
    config = {name: getattr(given, name) for name in ("endpoint_url", "workspace_name", "api_key")}
    with beam.Pipeline(argv=pipeline_arguments) as pipeline:
        stream(pipeline, given.seconds, given.window_seconds, given.notes, config)


if __name__ == "__main__":
    main()
