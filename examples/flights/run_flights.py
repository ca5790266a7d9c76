"""Runs the flights pipeline once and writes what the runner counted to a file: one run of the demo."""

import argparse
import json
import time
from pathlib import Path
from typing import Dict

import apache_beam as beam
from flights import write_flights

from beam_tecton import TectonStreamWriteConfig


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, required=True, help="file for metrics and seconds, as JSON")
    parser.add_argument("--pipeline_proto", type=Path, required=True, help="file for the pipeline as it is submitted")
    for option in ("endpoint_url", "workspace_name", "stream_source_name", "api_key"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument("--spread", action="store_true", help="let all parallel parts of the runner write")
    parser.add_argument("--worker_command", help="path of the native program on the runner's machines")
    parser.add_argument("--max_retries", type=int, default=3)
    parser.add_argument("--max_in_flight", type=int, default=200)
    given, pipeline_arguments = parser.parse_known_args()
    options = {name: value for name, value in vars(given).items() if name not in ("report", "pipeline_proto", "spread")}

    started = time.monotonic()
    pipeline = beam.Pipeline(argv=pipeline_arguments) if pipeline_arguments else beam.Pipeline()
    write_flights(pipeline, TectonStreamWriteConfig(**options), given.spread)
    given.pipeline_proto.write_bytes(pipeline.to_runner_api().SerializeToString())
    result = pipeline.run()
    result.wait_until_finish()
    seconds = time.monotonic() - started

    metrics: Dict[str, int] = {}
    for counter in result.metrics().query()["counters"]:
        name = counter.key.metric.name
        metrics[name] = metrics.get(name, 0) + (counter.result or 0)  # a committed 0 comes as None
    runner = f"{type(pipeline.runner).__name__} ({type(result).__module__}.{type(result).__name__})"
    given.report.write_text(json.dumps({"runner": runner, "seconds": seconds, "metrics": metrics}))


if __name__ == "__main__":
    main()
