"""The pipelines that the integration tests run: rows in, WriteToTectonStream, counts out."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import apache_beam as beam
from apache_beam.utils.timestamp import Timestamp
from tecton_emulator import Emulator

from beam_tecton import WriteToTectonStream

KEY_VARIABLE = "BEAM_TECTON_TEST_KEY"
READ_ONLY_KEY_VARIABLE = "BEAM_TECTON_TEST_READ_ONLY_KEY"
BAD_KEY_VARIABLE = "BEAM_TECTON_TEST_BAD_KEY"

SOURCE = "user_events"
VIEW = "user_activity"
METRICS = "tecton_stream_ingest"


class UserEvent(NamedTuple):
    """The columns of the stream source user_events."""

    user_id: str
    event_type: Optional[str]
    amount: Optional[float]
    count: int
    ok: bool
    tags: List[str]
    event_time: Timestamp


class Runner(NamedTuple):
    """A runner by name, and the arguments that choose it."""

    name: str
    arguments: Tuple[str, ...]

    def pipeline(self, *more: str) -> beam.Pipeline:
        pipeline = beam.Pipeline(argv=[*self.arguments, *more])
        assert type(pipeline.runner).__name__ == {"direct": "SwitchingDirectRunner", "prism": "PrismRunner"}[self.name]
        return pipeline


def events(count: int, start: int = 0) -> List[UserEvent]:
    """Events of `count` different users."""
    return [
        UserEvent(f"user-{n}", "click", n + 0.5, n, n % 2 == 0, ["a", "b"], Timestamp(1_700_000_000 + n))
        for n in range(start, start + count)
    ]


def options_for(emulator: Emulator, **changed: Any) -> Dict[str, Any]:
    """Options that write to the emulator, with some of them changed."""
    options = {
        "endpoint_url": emulator.endpoint,
        "api_key": f"env:{KEY_VARIABLE}",
        "workspace_name": "prod",
        "stream_source_name": SOURCE,
    }
    options.update(changed)
    return {name: value for name, value in options.items() if value is not None}


def one_bundle(
    pipeline: beam.Pipeline, rows: Sequence[Any], element_type: Any, label: str = "Rows"
) -> beam.PCollection:
    """The rows as a PCollection whose elements reach the next step in one bundle."""
    return (
        pipeline
        | f"{label} once" >> beam.Create([0])
        | label >> beam.FlatMap(lambda _: rows).with_output_types(element_type)
    )


def write(
    runner: Runner,
    emulator: Emulator,
    rows: Sequence[Any],
    element_type: Any = UserEvent,
    schema: Any = None,
    **options: Any,
) -> Dict[str, int]:
    """Runs a pipeline that writes the rows; the runner's counters of the write."""
    pipeline = runner.pipeline()
    made = one_bundle(pipeline, rows, element_type)
    made | "Write" >> WriteToTectonStream(schema=schema, **options_for(emulator, **options))
    return run(pipeline)


def run(pipeline: beam.Pipeline) -> Dict[str, int]:
    """Runs it to its end; the counters of WriteToTectonStream by name, steps added up."""
    result = pipeline.run()
    result.wait_until_finish()
    counters: Dict[str, int] = {}
    for counter in result.metrics().query()["counters"]:
        name = counter.key.metric
        if name.namespace == METRICS:
            # Beam's `result` takes a committed 0 for "not known".
            counters[name.name] = counters.get(name.name, 0) + (counter.result or 0)
    return counters


def failure(*arguments: Any, **keywords: Any) -> str:
    """The text of the error with which `write` of the same arguments fails."""
    try:
        write(*arguments, **keywords)
    except Exception as error:
        return str(error)
    raise AssertionError("the pipeline did not fail")
