"""What every SDK's client demands of an expansion service, asked of the real program over gRPC.

The rules were read in the clients of Beam 2.77 (Python `external.py`, Java `External.java`, Go `xlang.go`); a fragment
that breaks one of them fails in one of the SDKs only, and late.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Dict, Iterator, Optional, Tuple

import grpc
import pytest
from apache_beam.coders import RowCoder
from apache_beam.portability.api import (
    beam_artifact_api_pb2,
    beam_artifact_api_pb2_grpc,
    beam_expansion_api_pb2,
    beam_expansion_api_pb2_grpc,
    beam_runner_api_pb2,
    external_transforms_pb2,
    schema_pb2,
)
from apache_beam.transforms.external import ImplicitSchemaPayloadBuilder
from apache_beam.typehints import row_type, schemas

PROGRAM = Path(
    os.environ.get("BEAM_TECTON_BINARY") or Path(__file__).parents[2] / "bazel-bin" / "worker" / "beam-tecton"
)
IDENTIFIER = "beam:schematransform:org.apache.beam:tecton_stream_write:v1"
TRANSFORM_URN = "beam_tecton:transform:stream_write:v1"
SCHEMA_TRANSFORM_URN = "beam:expansion:payload:schematransform:v1"
KEY = "a-key-nobody-may-see"
CONFIG = {
    "tecton_instance": "acme.tecton.ai",
    "api_key": "env:TECTON_API_KEY",
    "workspace_name": "prod",
    "stream_source_name": "events",
}


@pytest.fixture(scope="module")
def program_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("service") / "log"


@pytest.fixture(scope="module")
def address(program_log: Path) -> Iterator[str]:
    with program_log.open("wb") as log:
        process = subprocess.Popen(
            [str(PROGRAM), "expansion-service", "--port", "0", "--exit-with-stdin"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    assert process.stdin is not None
    line = process.stdout.readline()
    assert line.startswith("listening on localhost:"), line
    yield line.split()[-1]
    process.stdin.close()
    assert process.wait(timeout=10) == 0


@pytest.fixture(scope="module")
def service(address: str) -> Iterator[beam_expansion_api_pb2_grpc.ExpansionServiceStub]:
    with grpc.insecure_channel(address) as channel:
        yield beam_expansion_api_pb2_grpc.ExpansionServiceStub(channel)


def input_schema() -> schema_pb2.Schema:
    fields = [("user_id", str), ("amount", Optional[float])]
    return schemas.typing_to_runner_api(row_type.RowTypeConstraint.from_fields(fields)).row_type.schema


def request(
    config: Dict[str, object],
    namespace: str = "external_1",
    name: str = "Write",
    tag: str = "input",
    legacy: bool = False,
    runner: str = "",
    coder_urn: str = "beam:coder:row:v1",
    schema: Optional[schema_pb2.Schema] = None,
) -> beam_expansion_api_pb2.ExpansionRequest:
    """A request as Python makes it: fake impulse, a coder nobody asked for, an environment of its own."""
    message = beam_expansion_api_pb2.ExpansionRequest(namespace=namespace)
    components = message.components
    components.transforms["impulse_input"].unique_name = "impulse_input"
    components.transforms["impulse_input"].spec.urn = "beam:transform:impulse:v1"
    components.transforms["impulse_input"].outputs["out"] = "pc"
    components.pcollections["pc"].CopyFrom(
        beam_runner_api_pb2.PCollection(
            unique_name="rows",
            coder_id="row",
            is_bounded=beam_runner_api_pb2.IsBounded.UNBOUNDED,
            windowing_strategy_id="windows",
        )
    )
    components.coders["row"].spec.urn = coder_urn
    if coder_urn == "beam:coder:row:v1":
        components.coders["row"].spec.payload = (schema or input_schema()).SerializeToString()
    components.coders["pickled"].spec.urn = "beam:coder:pickled_python:v1"
    components.coders["window"].spec.urn = "beam:coder:global_window:v1"
    windows = components.windowing_strategies["windows"]
    windows.window_fn.urn = "beam:window_fn:global_windows:v1"
    windows.window_coder_id = "window"
    windows.trigger.default.SetInParent()  # a part our own protos leave out
    windows.output_time = beam_runner_api_pb2.OutputTime.END_OF_WINDOW
    windows.environment_id = "py"
    components.environments["py"].urn = "beam:env:default:v1"
    message.output_coder_requests["0"] = "pickled"
    message.transform.unique_name = name
    message.transform.inputs[tag] = "pc"
    payload = ImplicitSchemaPayloadBuilder(config).build()
    if legacy:
        message.transform.spec.urn = TRANSFORM_URN
        message.transform.spec.payload = payload.SerializeToString()
    else:
        message.transform.spec.urn = SCHEMA_TRANSFORM_URN
        message.transform.spec.payload = external_transforms_pb2.SchemaTransformPayload(
            identifier=IDENTIFIER, configuration_schema=payload.schema, configuration_row=payload.payload
        ).SerializeToString()
    if runner:
        message.pipeline_options.fields["beam:option:runner:v1"].string_value = runner
    return message


def expand(service, config: Dict[str, object] = CONFIG, **how) -> beam_expansion_api_pb2.ExpansionResponse:
    response = service.Expand(request(config, **how))
    assert not response.error, response.error
    return response


def refusal(service, config: Dict[str, object] = CONFIG, **how) -> str:
    response = service.Expand(request(config, **how))
    assert response.error
    assert not response.HasField("transform")
    return response.error


def test_what_came_with_the_request_goes_back_but_for_its_transforms(service):
    sent = request(CONFIG)
    got = service.Expand(sent).components
    for kind in ("pcollections", "windowing_strategies", "coders", "environments"):
        for key, value in getattr(sent.components, kind).items():
            assert getattr(got, kind)[key] == value, key
    assert "impulse_input" not in got.transforms


def test_every_new_id_starts_with_the_namespace(service):
    sent = request(CONFIG, namespace="External_7")
    got = service.Expand(sent).components
    for kind in ("transforms", "pcollections", "windowing_strategies", "coders", "environments"):
        for key in set(getattr(got, kind)) - set(getattr(sent.components, kind)):
            assert key.startswith("External_7"), key
            assert not key.startswith("go")  # Go passes over artifacts of such environments


@pytest.mark.parametrize("tag", ["input", "i0", "org.apache.beam.sdk.values.PCollection.<init>:397#a32d"])
@pytest.mark.parametrize("legacy", [False, True])
def test_both_payloads_and_any_input_tag_are_taken(service, tag, legacy):
    got = expand(service, tag=tag, legacy=legacy)
    assert dict(got.transform.inputs) == {tag: "pc"}
    (step,) = got.components.transforms.values()
    assert dict(step.inputs) == {tag: "pc"}
    assert list(got.transform.subtransforms) == list(got.components.transforms)


def test_the_step_is_a_pardo_with_our_own_function_and_an_environment(service):
    got = expand(service)
    (step,) = got.components.transforms.values()
    assert step.spec.urn == "beam:transform:pardo:v1"
    pardo = beam_runner_api_pb2.ParDoPayload.FromString(step.spec.payload)
    assert pardo.do_fn.urn == "beam_tecton:dofn:stream_write:v1"
    assert step.environment_id in got.components.environments
    assert not got.requirements
    assert not got.transform.spec.payload  # a configuration there would be kept in job metadata


def test_the_output_is_new_has_a_row_coder_and_follows_the_input(service):
    got = expand(service)
    (output,) = set(got.transform.outputs.values())
    assert list(got.transform.outputs) == ["written"]
    (step,) = got.components.transforms.values()
    assert dict(step.outputs) == dict(got.transform.outputs)
    pcollection = got.components.pcollections[output]
    assert pcollection.is_bounded == beam_runner_api_pb2.IsBounded.UNBOUNDED
    assert pcollection.windowing_strategy_id == "windows"
    coder = got.components.coders[pcollection.coder_id]
    assert coder.spec.urn == "beam:coder:row:v1"
    RowCoder.from_runner_api_parameter(schema_pb2.Schema.FromString(coder.spec.payload), [], None)


def test_equal_types_have_equal_ids_and_different_ones_do_not(service):
    def schema_id(got, transform_output="written"):
        pcollection = got.components.pcollections[got.transform.outputs[transform_output]]
        return schema_pb2.Schema.FromString(got.components.coders[pcollection.coder_id].spec.payload).id

    first, second = expand(service, namespace="a"), expand(service, namespace="b")
    assert schema_id(first) == schema_id(second)
    options = discovered(service).config_schema
    assert schema_id(first) != options.id
    assert len(options.id) == 36


def test_names_are_stable_between_submissions_and_two_uses_differ(service):
    first = expand(service, namespace="external_1", name="Write")
    again = expand(service, namespace="external_9", name="Write")
    names = [next(iter(got.components.transforms.values())).unique_name for got in (first, again)]
    assert names == ["Write/ParDo", "Write/ParDo"]
    # Go calls every external transform "External", whatever it does.
    go = [
        expand(service, {**CONFIG, "stream_source_name": source}, namespace=namespace, name="External", legacy=True)
        for source, namespace in (("events", "AbCdEfGhIj"), ("events", "KlMnOpQrSt"), ("others", "AbCdEfGhIj"))
    ]
    roots = [got.transform.unique_name for got in go]
    assert roots[0] == roots[1]
    assert roots[0] != roots[2]
    for got in go:
        (step,) = got.components.transforms.values()
        assert step.unique_name == got.transform.unique_name + "/ParDo"


def environments(got) -> list:
    (step,) = got.components.transforms.values()
    environment = got.components.environments[step.environment_id]
    if environment.urn != "beam:env:anyof:v1":
        return [environment]
    assert not environment.dependencies
    return list(beam_runner_api_pb2.AnyOfEnvironmentPayload.FromString(environment.payload).environments)


def chosen(environment: beam_runner_api_pb2.Environment) -> Tuple[str, str]:
    """Kind of an environment, and the command, address or image in it."""
    kind = environment.urn.split(":")[2]
    if kind == "process":
        return kind, beam_runner_api_pb2.ProcessPayload.FromString(environment.payload).command
    if kind == "external":
        return kind, beam_runner_api_pb2.ExternalPayload.FromString(environment.payload).endpoint.url
    return kind, beam_runner_api_pb2.DockerPayload.FromString(environment.payload).container_image


IMAGE = "acme/beam-tecton:1"
HERE = object()  # the program, or the pool, that answers the request


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # The order counts: Flink and Spark take DOCKER, else the first; others have preferences of their own.
        ({}, [("process", HERE), ("external", HERE)]),
        ({"environment_type": "DEFAULT"}, [("process", HERE), ("external", HERE)]),
        ({"container_image": IMAGE}, [("process", HERE), ("external", HERE), ("docker", IMAGE)]),
        ({"worker_command": "/opt/b"}, [("process", "/opt/b"), ("external", HERE)]),
        (
            {"worker_command": "/opt/b", "container_image": IMAGE},
            [("process", "/opt/b"), ("external", HERE), ("docker", IMAGE)],
        ),
        ({"environment_type": "PROCESS"}, [("process", HERE)]),
        ({"environment_type": "process", "environment_config": "/opt/b"}, [("process", "/opt/b")]),
        ({"environment_type": "PROCESS", "worker_command": "/opt/b"}, [("process", "/opt/b")]),
        ({"environment_type": "EXTERNAL"}, [("external", HERE)]),
        ({"environment_type": "EXTERNAL", "environment_config": "pool:50000"}, [("external", "pool:50000")]),
        ({"environment_type": "DOCKER", "container_image": IMAGE}, [("docker", IMAGE)]),
        ({"environment_type": "DOCKER", "environment_config": IMAGE}, [("docker", IMAGE)]),
    ],
)
def test_options_choose_the_environment(service, address, options, expected):
    here = {"process": str(PROGRAM.resolve()), "external": address}
    got = environments(expand(service, {**CONFIG, **options}))
    assert [chosen(one) for one in got] == [(kind, here[kind] if what is HERE else what) for kind, what in expected]
    for environment in got:
        assert not environment.dependencies
        assert "beam:coder:row:v1" in environment.capabilities
        assert "beam:coder:interval_window:v1" in environment.capabilities
        assert list(environment.capabilities) == list(got[0].capabilities)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"environment_type": "LOOPBACK"}, ["environment_type", "DEFAULT, DOCKER, PROCESS, EXTERNAL"]),
        ({"environment_config": "/opt/b"}, ["environment_config", 'environment_type="PROCESS"']),
        ({"environment_type": "DOCKER"}, ["no image", "container_image="]),
        (
            {"environment_type": "DOCKER", "container_image": IMAGE, "environment_config": IMAGE},
            ["both name the image"],
        ),
        ({"environment_type": "PROCESS", "container_image": IMAGE}, ["container_image", "Leave one of them out"]),
        ({"environment_type": "EXTERNAL", "container_image": IMAGE}, ["container_image", "Leave one of them out"]),
        ({"environment_type": "PROCESS", "environment_config": "/a", "worker_command": "/b"}, ["both name the worker"]),
        ({"environment_type": "EXTERNAL", "worker_command": "/b"}, ["worker_command", "environment_type is another"]),
        (
            {"environment_type": "DOCKER", "container_image": IMAGE, "worker_command": "/b"},
            ["worker_command", "environment_type is another"],
        ),
    ],
)
def test_environments_that_contradict_themselves_are_refused(service, options, words):
    text = refusal(service, {**CONFIG, **options})
    for word in words:
        assert word in text, text


def test_a_worker_s_program_that_is_not_here_is_warned_of(service, program_log):
    expand(service, {**CONFIG, "worker_command": "/opt/nowhere/beam-tecton"})
    expand(service)
    (line,) = [line for line in program_log.read_text().splitlines() if "/opt/nowhere" in line]
    assert line.startswith("WARN")
    for word in ("/opt/nowhere/beam-tecton is not on this machine", "error=2", "worker_command"):
        assert word in line


def test_display_data_says_where_and_never_the_key(service):
    got = expand(service, {**CONFIG, "api_key": KEY, "batch_size": 7})
    (step,) = got.components.transforms.values()
    for transform in (step, got.transform):
        items = {}
        for data in transform.display_data:
            payload = beam_runner_api_pb2.LabelledPayload.FromString(data.payload)
            items[payload.key] = getattr(payload, payload.WhichOneof("value"))
        assert items["workspace_name"] == "prod"
        assert items["stream_source_name"] == "events"
        assert items["batch_size"] == 7
        assert KEY not in str(items)


def test_a_literal_key_is_in_the_step_s_payload_only(service):
    got = expand(service, {**CONFIG, "api_key": KEY})
    (step,) = got.components.transforms.values()
    assert KEY.encode() in step.spec.payload
    step.spec.payload = b""
    assert KEY.encode() not in got.SerializeToString()


def test_a_reference_is_passed_on_as_it_is(service):
    got = expand(service)
    (step,) = got.components.transforms.values()
    assert b"env:TECTON_API_KEY" in step.spec.payload


def discovered(service):
    response = service.DiscoverSchemaTransform(beam_expansion_api_pb2.DiscoverSchemaTransformRequest())
    assert not response.error
    assert list(response.schema_transform_configs) == [IDENTIFIER]
    return response.schema_transform_configs[IDENTIFIER]


def test_discovery_shows_every_option_as_a_type_all_sdks_know(service):
    config = discovered(service)
    assert list(config.input_pcollection_names) == ["input"]
    assert list(config.output_pcollection_names) == ["written"]
    # Callers compare the version with their own.
    version = subprocess.run([PROGRAM, "version"], capture_output=True, text=True, check=True).stdout.strip()
    assert config.description.endswith(f"Served by {version}")
    fields = {field.name: field for field in config.config_schema.fields}
    assert not fields["workspace_name"].type.nullable
    assert fields["batch_size"].type.nullable
    for field in fields.values():
        assert field.description
        group = field.name == "error_handling"
        assert field.type.WhichOneof("type_info") == ("row_type" if group else "atomic_type")
    group = fields["error_handling"].type
    assert group.nullable
    assert [field.name for field in group.row_type.schema.fields] == ["output", "threshold"]
    schemas.typing_from_runner_api(schema_pb2.FieldType(row_type=schema_pb2.RowType(schema=config.config_schema)))


@pytest.mark.parametrize("name", ["batch_size", "batchSize", "BatchSize", "BATCH_SIZE"])
def test_names_of_options_match_whatever_their_case(service, name):
    assert expand(service, {**CONFIG, name: 3})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_sise": 3}, ["batch_sise", "batch_size"]),
        ({"batch_size": 0}, ["batch_size", "0", "1", "10"]),
        ({"batch_size": 11}, ["batch_size", "11", "10"]),
        ({"batch_size": "five"}, ["batch_size"]),
        ({"timeout": 0.0}, ["timeout", "0"]),
        ({"timeout": -1.0}, ["timeout", "-1"]),
        ({"timeout": float("nan")}, ["timeout"]),
        ({"tecton_instance": "https://acme.tecton.ai"}, ["tecton_instance", "https://"]),
        ({"tecton_instance": "acme.tecton.ai/ingest"}, ["tecton_instance", "/"]),
        ({"workspace_name": ""}, ["workspace_name"]),
    ],
)
def test_a_wrong_option_is_named_with_what_is_accepted(service, options, words):
    text = refusal(service, {**CONFIG, **options})
    for word in words:
        assert word in text, text


@pytest.mark.parametrize("missing", ["api_key", "workspace_name", "stream_source_name", "tecton_instance"])
def test_a_missing_option_is_named(service, missing):
    config = {name: value for name, value in CONFIG.items() if name != missing}
    assert missing in refusal(service, config)


@pytest.mark.parametrize(
    ("coder_urn", "words"),
    [
        ("beam:coder:pickled_python:v1", ["no schema", "NamedTuple", "schema="]),
        ("beam:coder:javasdk:0.1", ["no schema", "Row"]),
        ("beam:go:coder:custom:v1", ["no schema", "struct"]),
        ("beam:coder:kv:v1", ["beam:coder:kv:v1"]),
        ("beam:coder:nullable:v1", ["null"]),
    ],
)
def test_an_input_without_a_schema_is_refused_in_the_caller_s_language(service, coder_urn, words):
    text = refusal(service, coder_urn=coder_urn)
    for word in words:
        assert word in text, text


def test_a_field_of_python_s_any_type_is_refused_with_its_path(service):
    nested = schema_pb2.Schema(id="x")
    field = nested.fields.add(name="payload")
    field.type.logical_type.urn = "beam:logical:pythonsdk_any:v1"
    outer = schema_pb2.Schema(id="y")
    outer.fields.add(name="meta").type.row_type.schema.CopyFrom(nested)
    text = refusal(service, schema=outer)
    assert "meta.payload" in text
    assert "schema=" in text


@pytest.mark.parametrize("runner", ["DataflowRunner", "org.apache.beam.runners.dataflow.TestDataflowRunner"])
def test_dataflow_needs_an_image(service, runner):
    text = refusal(service, runner=runner)
    assert text.endswith('write for example container_image="registry.example/beam-tecton:1"')
    pool = {"environment_type": "EXTERNAL", "environment_config": "pool:50000"}
    assert "environment_type is another one" in refusal(service, {**CONFIG, **pool}, runner=runner)
    for options in ({"container_image": IMAGE}, {"environment_type": "DOCKER", "environment_config": IMAGE}):
        got = environments(expand(service, {**CONFIG, **options}, runner=runner))
        assert ("docker", IMAGE) in [chosen(one) for one in got]


def test_an_unknown_transform_is_refused_with_the_one_that_is_served(service):
    message = request(CONFIG)
    message.transform.spec.urn = "beam:transform:other:v1"
    assert IDENTIFIER in service.Expand(message).error


def test_two_inputs_are_refused(service):
    message = request(CONFIG)
    message.transform.inputs["second"] = "pc"
    assert "one input" in service.Expand(message).error


def outcome(call, message: bytes) -> grpc.StatusCode:
    try:
        call(message)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def test_bytes_that_are_no_request_are_refused_and_the_service_lives(service, address):
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary("/org.apache.beam.model.expansion.v1.ExpansionService/Expand")
        with pytest.raises(grpc.RpcError) as failed:
            call(b"\xff\xff\xff")
        assert failed.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        whole = request(CONFIG).SerializeToString()
        for length in range(0, len(whole), 7):  # cut short: an error in one form or the other
            assert outcome(call, whole[:length]) in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT)
    assert expand(service)


def test_artifacts_are_handed_back_as_asked_and_none_is_served(address):
    with grpc.insecure_channel(address) as channel:
        artifacts = beam_artifact_api_pb2_grpc.ArtifactRetrievalServiceStub(channel)
        asked = beam_runner_api_pb2.ArtifactInformation(
            type_urn="beam:artifact:type:file:v1", type_payload=b"\n\x0b/etc/passwd", role_urn="role", role_payload=b"x"
        )
        got = artifacts.ResolveArtifacts(beam_artifact_api_pb2.ResolveArtifactsRequest(artifacts=[asked]))
        assert list(got.replacements) == [asked]
        with pytest.raises(grpc.RpcError) as failed:
            list(artifacts.GetArtifact(beam_artifact_api_pb2.GetArtifactRequest(artifact=asked)))
        assert failed.value.code() == grpc.StatusCode.NOT_FOUND


def test_both_address_families_are_served(address):
    port = address.rsplit(":", 1)[1]
    has_ipv6 = "::1" in Path("/etc/hosts").read_text() and Path("/proc/net/if_inet6").exists()
    for host in ["127.0.0.1", "[::1]"] if has_ipv6 else ["127.0.0.1"]:
        with grpc.insecure_channel(f"{host}:{port}") as channel:
            grpc.channel_ready_future(channel).result(timeout=5)
