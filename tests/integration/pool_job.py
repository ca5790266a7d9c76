"""One job of shared_pool_test.py, a program of its own: so that its runner counts its workers from one, too."""

import argparse

import apache_beam as beam
from pipelines import UserEvent, events, one_bundle, run

from beam_tecton import WriteToTectonStream


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--pool", required=True, help="host:port of the worker pool")
    for name in ("endpoint_url", "api_key", "workspace_name", "stream_source_name"):
        parser.add_argument(f"--{name}", required=True)
    given, arguments = parser.parse_known_args()
    pipeline = beam.Pipeline(argv=arguments)
    one_bundle(pipeline, events(given.rows), UserEvent) | WriteToTectonStream(
        endpoint_url=given.endpoint_url,
        api_key=given.api_key,
        workspace_name=given.workspace_name,
        stream_source_name=given.stream_source_name,
        max_in_flight=1,
        environment_type="EXTERNAL",
        environment_config=given.pool,
    )
    print(run(pipeline)["records_written"])


if __name__ == "__main__":
    main()
