"""The example transforms of the harness, as steps of real pipelines: they show that dofn.h is all an author needs."""

import subprocess
import typing
from pathlib import Path
from typing import Iterator

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms.external import SchemaAwareExternalTransform
from apache_beam.transforms.window import FixedWindows, TimestampedValue

ROOT = Path(__file__).parents[2]


class Reading(typing.NamedTuple):
    sensor: str
    value: typing.Optional[int]


beam.coders.registry.register_coder(Reading, beam.coders.RowCoder)


@pytest.fixture(scope="module", params=["null_sink", "row_filter"])
def example(request) -> Iterator[str]:
    """Name and address of a running example."""
    program = ROOT / "bazel-bin" / "examples" / request.param / request.param.replace("_", "-")
    service = subprocess.Popen(
        [program, "expansion-service", "--port", "0", "--exit-with-stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert service.stdout is not None
    assert service.stdin is not None
    yield f"{request.param} {service.stdout.readline().split()[-1]}"
    service.stdin.close()
    service.wait(timeout=15)


def readings(pipeline: beam.Pipeline) -> beam.PCollection:
    rows = [Reading("a", 1), Reading("a", 5), Reading("b", None), Reading("b", 9), Reading("c", -7)]
    return (
        pipeline
        | beam.Create([(row, 10.0 * i) for i, row in enumerate(rows)])
        | beam.Map(lambda pair: TimestampedValue(pair[0], pair[1])).with_output_types(Reading)
        | beam.WindowInto(FixedWindows(20))
    )


def test_an_example_transform_runs(runner, example):
    name, address = example.split()
    pipeline = runner.pipeline()
    identifier = f"beam:schematransform:org.apache.beam:{name}:v1"
    rows = readings(pipeline)
    if name == "null_sink":
        rows | SchemaAwareExternalTransform(identifier, address)
    else:
        outputs = rows | SchemaAwareExternalTransform(identifier, address, field="value", minimum=2)

        def with_window(row, window=beam.DoFn.WindowParam):
            return (row.sensor, row.value, float(window.start))

        assert_that(outputs["kept"] | "K" >> beam.Map(with_window), equal_to([("a", 5, 0.0), ("b", 9, 20.0)]), "kept")
        assert_that(
            outputs["dropped"] | "D" >> beam.Map(with_window),
            equal_to([("a", 1, 0.0), ("b", None, 20.0), ("c", -7, 40.0)]),
            "dropped",
        )
    result = pipeline.run()
    result.wait_until_finish()
    if name == "null_sink":
        counters = [c for c in result.metrics().query()["counters"] if c.key.metric.namespace == "null_sink"]
        assert [(counter.key.metric.name, counter.committed) for counter in counters] == [("rows", 5)]


def test_a_wrong_option_is_refused_where_the_pipeline_is_built(runner, example):
    name, address = example.split()
    if name != "row_filter":
        pytest.skip("it has no options")
    with pytest.raises(RuntimeError, match="no INT64 field called sensor"):
        readings(runner.pipeline()) | SchemaAwareExternalTransform(
            "beam:schematransform:org.apache.beam:row_filter:v1", address, field="sensor", minimum=2
        )
