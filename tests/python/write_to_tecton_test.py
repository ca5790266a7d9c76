"""The transform: what it accepts, what it sends to the expansion service, what it gives back and shows."""

import dataclasses
import datetime
import inspect
import logging
import subprocess
import sys
import typing
import warnings

import apache_beam as beam
import grpc
import pytest
from apache_beam.coders import RowCoder
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_expansion_api_pb2, beam_runner_api_pb2, external_transforms_pb2
from apache_beam.transforms.display import DisplayData
from apache_beam.utils.timestamp import Timestamp

from beam_tecton import (
    LiteralApiKeyWarning,
    TectonStreamWriteConfig,
    TectonWriteResult,
    WriteToTectonStream,
    __version__,
    secrets,
)
from beam_tecton.write_to_tecton import IDENTIFIER

OPTIONS = {
    "tecton_instance": "acme.tecton.ai",
    "api_key": "env:TECTON_API_KEY",
    "workspace_name": "prod",
    "stream_source_name": "purchases",
}


class Purchase(typing.NamedTuple):
    user_id: str
    amount: typing.Optional[float]
    event_time: Timestamp


@dataclasses.dataclass
class PurchaseClass:
    user_id: str
    amount: float


class Dated(typing.NamedTuple):
    user_id: str
    when: datetime.datetime


class FakeExpansionService:
    """Answers as the native service does, and keeps what it was asked."""

    def __init__(self, error: str = "", tags: typing.Sequence[str] = ("written",)) -> None:
        self.requests: list[beam_expansion_api_pb2.ExpansionRequest] = []
        self.error = error
        self.tags = tags

    def DiscoverSchemaTransform(self, request, timeout):
        described = beam_expansion_api_pb2.SchemaTransformConfig(description=f"Served by beam-tecton {__version__}")
        configs = {IDENTIFIER: described}
        return beam_expansion_api_pb2.DiscoverSchemaTransformResponse(schema_transform_configs=configs)

    def Expand(self, request):
        self.requests.append(request)
        if self.error:
            return beam_expansion_api_pb2.ExpansionResponse(error=self.error)
        (input_id,) = request.transform.inputs.values()
        components = beam_runner_api_pb2.Components()
        components.CopyFrom(request.components)
        components.ClearField("transforms")
        step = beam_runner_api_pb2.PTransform(
            unique_name=request.transform.unique_name + "/ParDo",
            spec=beam_runner_api_pb2.FunctionSpec(urn="beam:transform:pardo:v1"),
            inputs=dict(request.transform.inputs),
        )
        for tag in self.tags:
            output = components.pcollections[f"{request.namespace}_{tag}"]
            output.CopyFrom(components.pcollections[input_id])
            output.unique_name = f"{request.namespace}_{tag}"
            step.outputs[tag] = f"{request.namespace}_{tag}"
        components.transforms[f"{request.namespace}_step"].CopyFrom(step)
        root = beam_runner_api_pb2.PTransform(
            unique_name=request.transform.unique_name,
            spec=beam_runner_api_pb2.FunctionSpec(urn="tecton:stream_write:v1"),
            subtransforms=[f"{request.namespace}_step"],
            inputs=dict(step.inputs),
            outputs=dict(step.outputs),
        )
        return beam_expansion_api_pb2.ExpansionResponse(components=components, transform=root)

    @property
    def payload(self) -> external_transforms_pb2.SchemaTransformPayload:
        payload = external_transforms_pb2.SchemaTransformPayload()
        payload.ParseFromString(self.requests[-1].transform.spec.payload)
        return payload

    @property
    def options(self) -> dict:
        row = RowCoder(self.payload.configuration_schema).decode(self.payload.configuration_row)
        return row._asdict()

    @property
    def input_schema(self):
        components = self.requests[-1].components
        (input_id,) = self.requests[-1].transform.inputs.values()
        return RowCoder.from_runner_api(
            components.coders[components.pcollections[input_id].coder_id], FakeContext()
        ).schema


class FakeContext:
    """RowCoder needs no context to be read."""


def rows_of(pipeline, element_type=Purchase):
    return pipeline | beam.Create([1]) | "make" >> beam.Map(lambda x: x).with_output_types(element_type)


def apply(rows, service=None, **options):
    service = service or FakeExpansionService()
    result = rows | WriteToTectonStream(**{**OPTIONS, **options}, expansion_service=service)
    return service, result


# --- Options ---------------------------------------------------------------------------------------------------------


def test_the_flat_keywords_are_the_options_with_their_defaults():
    parameters = dict(inspect.signature(WriteToTectonStream.__init__).parameters)
    for name in ("self", "config", "schema", "expansion_service", "unknown"):
        del parameters[name]
    fields = dataclasses.fields(TectonStreamWriteConfig)
    assert list(parameters) == [field.name for field in fields]
    for field in fields:
        assert parameters[field.name].default == field.default
        assert parameters[field.name].annotation == field.type


def test_config_and_flat_keywords_send_the_same():
    flat, _ = apply(rows_of(beam.Pipeline()), batch_size=5)
    service = FakeExpansionService()
    config = TectonStreamWriteConfig(**OPTIONS, batch_size=5)
    rows_of(beam.Pipeline()) | WriteToTectonStream(config, expansion_service=service)
    assert flat.options == service.options == {**OPTIONS, "batch_size": 5}


def test_only_options_that_were_given_are_sent():
    service, _ = apply(rows_of(beam.Pipeline()))
    assert service.payload.identifier == "beam:schematransform:org.apache.beam:tecton_stream_write:v1"
    assert service.options == OPTIONS
    assert not any(field.type.nullable for field in service.payload.configuration_schema.fields)


def test_a_keyword_beside_config_is_refused():
    with pytest.raises(TypeError, match="^batch_size is given beside config"):
        WriteToTectonStream(TectonStreamWriteConfig(**OPTIONS), batch_size=5)


@pytest.mark.parametrize(("name", "meant"), [("batchsize", "batch_size"), ("max_retry", "max_retries")])
def test_an_unknown_option_names_the_nearest_one(name, meant):
    with pytest.raises(TypeError, match=f"has no option {name}. Did you mean {meant}?"):
        WriteToTectonStream(**OPTIONS, **{name: 5})


def test_a_config_of_another_kind_is_refused():
    with pytest.raises(TypeError, match="^config must be a TectonStreamWriteConfig, not dict"):
        WriteToTectonStream(OPTIONS)


# --- Input -----------------------------------------------------------------------------------------------------------


def test_a_named_tuple_arrives_as_a_row_with_its_columns():
    service, _ = apply(rows_of(beam.Pipeline()))
    assert [field.name for field in service.input_schema.fields] == ["user_id", "amount", "event_time"]


def test_the_type_of_the_users_pcollection_stays_what_it_was():
    rows = rows_of(beam.Pipeline())
    apply(rows)
    assert rows.element_type is Purchase
    assert not isinstance(beam.coders.registry.get_coder(Purchase), RowCoder)


def test_a_type_registered_as_row_needs_no_step_of_ours():
    class Registered(typing.NamedTuple):
        user_id: str

    beam.coders.registry.register_coder(Registered, RowCoder)
    service, _ = apply(rows_of(beam.Pipeline(), Registered))
    assert service.requests[-1].transform.unique_name == "WriteToTectonStream/Write"
    (input_id,) = service.requests[-1].transform.inputs.values()
    assert "AsRows" not in service.requests[-1].components.pcollections[input_id].unique_name


def test_annotations_that_are_text_are_resolved():
    class Late(typing.NamedTuple):
        user_id: "str"
        amount: "typing.Optional[float]"

    service, _ = apply(rows_of(beam.Pipeline(), Late))
    assert [(field.name, field.type.nullable) for field in service.input_schema.fields] == [
        ("user_id", False),
        ("amount", True),
    ]


def test_a_dataclass_arrives_as_a_row():
    service, _ = apply(rows_of(beam.Pipeline(), PurchaseClass))
    assert [field.name for field in service.input_schema.fields] == ["user_id", "amount"]


def test_rows_of_inferred_types_arrive_as_they_are():
    pipeline = beam.Pipeline()
    service, _ = apply(pipeline | beam.Create([1]) | beam.Map(lambda x: beam.Row(user_id="u", amount=1.5)))
    assert [field.name for field in service.input_schema.fields] == ["user_id", "amount"]


def test_dicts_are_refused_with_the_line_that_fixes_it():
    rows = beam.Pipeline() | beam.Create([{"user_id": "u"}])
    with pytest.raises(
        TypeError, match=r"has no schema: Beam knows its elements only as Dict.*schema=\{'user_id': str"
    ):
        apply(rows)


def test_elements_of_unknown_type_are_refused_with_the_line_that_fixes_it():
    rows = beam.Pipeline() | beam.Create([1]) | beam.Map(lambda x: x).with_output_types(typing.Any)
    with pytest.raises(TypeError, match=r"has no schema: .*\.with_output_types\(MyNamedTuple\)"):
        apply(rows)


def test_elements_that_may_be_none_are_refused():
    with pytest.raises(TypeError, match=r"elements that may be None. Drop those before the write: .*beam.Filter"):
        apply(rows_of(beam.Pipeline(), typing.Optional[Purchase]))


def test_a_field_of_unknown_type_is_refused_with_its_columns_filled_in():
    rows = (
        beam.Pipeline()
        | beam.Create([{"user_id": "u"}])
        | "dicts" >> beam.Map(lambda d: d).with_output_types(typing.Any)
        | beam.Map(lambda d: beam.Row(kind="purchase", user_id=d["user_id"]))
    )
    with pytest.raises(TypeError) as raised:
        apply(rows)
    assert "Field 'user_id' of the input of WriteToTectonStream has no type: Beam could not infer its type" in str(
        raised.value
    )
    assert "schema={'kind': str, 'user_id': ...})" in str(raised.value)


def test_a_datetime_field_is_refused_with_its_columns_filled_in():
    with pytest.raises(TypeError) as raised:
        apply(rows_of(beam.Pipeline(), Dated))
    assert "Field 'when' of the input of WriteToTectonStream has no type: Beam has no type for datetime" in str(
        raised.value
    )
    assert "schema={'user_id': str, 'when': datetime})" in str(raised.value)


def test_mixed_types_in_one_field_are_refused():
    rows = beam.Pipeline() | beam.Create([beam.Row(amount=1.5), beam.Row(amount=2)])
    with pytest.raises(TypeError, match="Field 'amount' .* has no type"):
        apply(rows)


def test_an_unknown_type_deep_inside_is_found():
    class Inner(typing.NamedTuple):
        when: typing.List[datetime.datetime]

    class Outer(typing.NamedTuple):
        inner: Inner

    with pytest.raises(TypeError, match=r"Field 'inner.when\[\]' "):
        apply(rows_of(beam.Pipeline(), Outer))


def test_schema_makes_rows_of_dicts_and_of_untyped_fields():
    rows = beam.Pipeline() | beam.Create([{"user_id": "u", "when": None}])
    service, _ = apply(rows, schema={"user_id": str, "when": typing.Optional[datetime.datetime]})
    types = {field.name: field.type for field in service.input_schema.fields}
    assert list(types) == ["user_id", "when"]
    assert types["when"].logical_type.urn == "beam:logical_type:micros_instant:v1"
    assert types["when"].nullable


def test_a_bad_schema_is_refused_when_the_transform_is_made():
    with pytest.raises(TypeError, match="schema=, field 'a' has the type object"):
        WriteToTectonStream(**OPTIONS, schema={"a": object})


@pytest.mark.parametrize("make", [lambda pipeline: pipeline, lambda pipeline: (rows_of(pipeline),)])
def test_what_is_no_pcollection_is_refused(make):
    with pytest.raises(TypeError, match="takes one PCollection"):
        make(beam.Pipeline()) | WriteToTectonStream(**OPTIONS, expansion_service=FakeExpansionService())


# --- Result and names ------------------------------------------------------------------------------------------------


def test_the_result_is_a_dict_of_outputs():
    _, result = apply(rows_of(beam.Pipeline()))
    assert isinstance(result, TectonWriteResult)
    assert isinstance(result, dict)
    assert result.written is result["written"]
    assert isinstance(result.written, beam.PCollection)
    assert result.failed_rows is None


def test_a_second_output_is_found_by_its_tag():
    _, result = apply(rows_of(beam.Pipeline()), FakeExpansionService(tags=("written", "failed_rows")))
    assert set(result) == {"written", "failed_rows"}
    assert result.failed_rows is result["failed_rows"]


def test_outputs_can_be_consumed_and_the_pipeline_translated():
    pipeline = beam.Pipeline()
    _, result = apply(rows_of(pipeline))
    result.written | "after" >> beam.Map(lambda row: row)
    names = {transform.unique_name for transform in pipeline.to_runner_api().components.transforms.values()}
    assert {"WriteToTectonStream", "WriteToTectonStream/Write", "WriteToTectonStream/Write/ParDo"} <= names


def test_names_are_the_same_in_every_submission():
    def names():
        pipeline = beam.Pipeline()
        rows = rows_of(pipeline)
        rows | "First" >> WriteToTectonStream(**OPTIONS, expansion_service=FakeExpansionService())
        rows | "Second" >> WriteToTectonStream(**OPTIONS, expansion_service=FakeExpansionService())
        return sorted(t.unique_name for t in pipeline.to_runner_api().components.transforms.values())

    first = names()
    assert first == names()
    assert "First/Write/ParDo" in first
    assert "Second/Write/ParDo" in first


# --- Errors ----------------------------------------------------------------------------------------------------------


def test_a_refusal_of_the_service_reaches_the_user_word_for_word():
    with pytest.raises(RuntimeError, match="^batch_size is 11: whole numbers from 1 to 10"):
        apply(rows_of(beam.Pipeline()), FakeExpansionService(error="batch_size is 11: whole numbers from 1 to 10"))


def test_a_service_that_does_not_answer_is_named():
    class Gone(FakeExpansionService):
        def Expand(self, request):
            raise grpc.RpcError("no connection")

    with pytest.raises(RuntimeError, match="The expansion service at .* did not answer"):
        apply(rows_of(beam.Pipeline()), Gone())


def test_a_missing_program_is_an_error_of_the_apply(monkeypatch, tmp_path):
    monkeypatch.setenv("BEAM_TECTON_BINARY", str(tmp_path / "gone"))
    with pytest.raises(RuntimeError, match="There is no file .*gone"):
        rows_of(beam.Pipeline()) | WriteToTectonStream(**OPTIONS)


# --- Secrets and what is shown ---------------------------------------------------------------------------------------


def test_a_literal_key_warns_once_a_process():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        WriteToTectonStream(**{**OPTIONS, "api_key": "hunter2"})
        WriteToTectonStream(**{**OPTIONS, "api_key": "hunter3"})
    (warning,) = [one for one in caught if one.category is LiteralApiKeyWarning]
    assert "env:TECTON_API_KEY" in str(warning.message)
    assert "hunter" not in str(warning.message)
    assert warning.filename == __file__


@pytest.mark.parametrize(
    "key", ["env:K", "file:/run/key", "type:GcpSecret;version_name:projects/p/secrets/s/versions/1"]
)
def test_a_reference_does_not_warn(key):
    assert secrets.is_reference(key)
    with warnings.catch_warnings():
        warnings.simplefilter("error", LiteralApiKeyWarning)
        WriteToTectonStream(**{**OPTIONS, "api_key": key})


def test_the_key_is_in_no_proto_when_it_is_a_reference(monkeypatch, caplog):
    monkeypatch.setenv("TECTON_API_KEY", "hunter2")
    caplog.set_level(logging.DEBUG)
    pipeline = beam.Pipeline()
    service, _ = apply(rows_of(pipeline))
    for text in (service.requests[-1].SerializeToString(), pipeline.to_runner_api().SerializeToString()):
        assert b"hunter2" not in text
    assert "hunter2" not in caplog.text


def test_a_literal_key_is_only_in_the_payload(caplog):
    caplog.set_level(logging.DEBUG)
    pipeline = beam.Pipeline()
    with pytest.warns(LiteralApiKeyWarning):
        service, _ = apply(rows_of(pipeline), api_key="hunter2")
    assert b"hunter2" in service.payload.configuration_row
    request = service.requests[-1]
    request.transform.spec.ClearField("payload")
    assert b"hunter2" not in request.SerializeToString()
    assert b"hunter2" not in pipeline.to_runner_api().SerializeToString()
    assert "hunter2" not in caplog.text


@pytest.mark.filterwarnings("ignore::beam_tecton.LiteralApiKeyWarning")
def test_neither_the_transform_nor_its_display_data_shows_the_key():
    write = WriteToTectonStream(**{**OPTIONS, "api_key": "hunter2"}, batch_size=7, dry_run=True)
    items = {item.key: item.value for item in DisplayData.create_from(write).items}
    assert items == {
        "tecton_instance": "acme.tecton.ai",
        "workspace_name": "prod",
        "stream_source_name": "purchases",
        "batch_size": 7,
        "dry_run": True,
    }
    assert "hunter2" not in str(write) + repr(write) + str(DisplayData.create_from(write).to_proto())


def test_import_costs_no_process_and_no_configuration():
    """Importing the package starts nothing and needs no native program."""
    code = "import beam_tecton, threading; print(threading.active_count(), sorted(beam_tecton.__all__)[0])"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PATH": ""})
    assert output.stdout.split() == ["1", "BinaryNotFoundError"]


def test_the_transform_works_with_options_given_to_the_pipeline():
    pipeline = beam.Pipeline(options=PipelineOptions(["--job_name=j"]))
    service, _ = apply(rows_of(pipeline))
    assert service.requests
