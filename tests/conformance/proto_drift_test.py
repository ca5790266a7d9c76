"""Our .proto files declare a part of Beam's; whatever they declare must be as the installed Beam has it.

Both sides become tables of messages and enums by full name, so it does not matter in which file something stands.
"""

import subprocess
from pathlib import Path
from typing import Dict, List, NamedTuple

import pytest
from apache_beam.portability import api
from apache_beam.version import __version__ as beam_version
from google.protobuf import descriptor_pb2

ROOT = Path(__file__).resolve().parents[2]
PROTOS = ROOT / "protos"
SYSTEM_INCLUDE = "/usr/include"  # protobuf-c's options and the well-known types

_FN = "org.apache.beam.model.fn_execution.v1."
# Fields that Beam declares `optional` and we do not: protoc-c 1.4 refuses a file with proto3 optional. The wire is the
# same; what is lost is telling "absent" from "zero", which we need of none of them.
PLAIN_HERE = {
    (_FN + "ProcessBundleProgressResponse", "consuming_received_data"),
    (_FN + "Elements.ElementMetadata", "*"),
}


class Field(NamedTuple):
    number: int
    type: str
    label: str
    type_name: str  # of a message or enum field
    oneof: str
    optional: bool  # declared `optional` in proto3


class Declarations(NamedTuple):
    messages: Dict[str, Dict[str, Field]]
    enums: Dict[str, Dict[str, int]]
    methods: Dict[str, Dict[str, str]]


def declarations(files: List[descriptor_pb2.FileDescriptorProto]) -> Declarations:
    found = Declarations({}, {}, {})
    for file in files:
        if not file.package.startswith("org.apache.beam."):
            continue
        scope = file.package + "."
        for message in file.message_type:
            _add_message(found, scope, message)
        for enum in file.enum_type:
            found.enums[scope + enum.name] = {value.name: value.number for value in enum.value}
        for service in file.service:
            found.methods[scope + service.name] = {
                method.name: f"{'stream ' * method.client_streaming}{method.input_type} -> "
                f"{'stream ' * method.server_streaming}{method.output_type}"
                for method in service.method
            }
    return found


def _add_message(found: Declarations, scope: str, message: descriptor_pb2.DescriptorProto) -> None:
    name = scope + message.name
    found.messages[name] = {
        field.name: Field(
            field.number,
            descriptor_pb2.FieldDescriptorProto.Type.Name(field.type),
            descriptor_pb2.FieldDescriptorProto.Label.Name(field.label),
            field.type_name,
            # The compiler makes a oneof for every `optional` field; that is not one somebody declared.
            ""
            if field.proto3_optional or not field.HasField("oneof_index")
            else message.oneof_decl[field.oneof_index].name,
            field.proto3_optional,
        )
        for field in message.field
    }
    for nested in message.nested_type:
        _add_message(found, name + ".", nested)
    for enum in message.enum_type:
        found.enums[f"{name}.{enum.name}"] = {value.name: value.number for value in enum.value}


def drift(ours: Declarations, beams: Declarations) -> List[str]:
    """What differs, one line each."""
    problems = []
    for name, fields in sorted(ours.messages.items()):
        if name not in beams.messages:
            problems.append(f"{name}: Beam has no such message")
            continue
        for field_name, field in fields.items():
            theirs = beams.messages[name].get(field_name)
            if theirs is None:
                problems.append(f"{name}.{field_name}: Beam has no such field")
                continue
            if not field.optional and not PLAIN_HERE.isdisjoint({(name, field_name), (name, "*")}):
                theirs = theirs._replace(optional=False)
            if field != theirs:
                problems.append(f"{name}.{field_name}: {field} here, {theirs} in Beam")
    for kind, mine, theirs in (("value", ours.enums, beams.enums), ("method", ours.methods, beams.methods)):
        for name, parts in sorted(mine.items()):
            for part, value in parts.items():
                if theirs.get(name, {}).get(part) != value:
                    problems.append(f"{name}.{part}: {kind} {value} here, {theirs.get(name, {}).get(part)} in Beam")
    return problems


def compile_protos(folder: Path, output: Path) -> Declarations:
    """The declarations of folder/protos/*.proto, as protoc reads them."""
    files = sorted(str(path.relative_to(folder)) for path in (folder / "protos").glob("*.proto"))
    assert files
    subprocess.run(
        ["protoc", f"-I{folder}", f"-I{SYSTEM_INCLUDE}", f"--descriptor_set_out={output}", *files],
        check=True,
        cwd=folder,
    )
    return declarations(list(descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes()).file))


@pytest.fixture(scope="module")
def ours(tmp_path_factory) -> Declarations:
    return compile_protos(ROOT, tmp_path_factory.mktemp("protos") / "ours.bin")


@pytest.fixture(scope="module")
def beams() -> Declarations:
    files = []
    for name, module in vars(api).items():
        if name.endswith("_pb2"):
            file = descriptor_pb2.FileDescriptorProto()
            module.DESCRIPTOR.CopyToProto(file)
            files.append(file)
    return declarations(files)


def test_what_we_declare_is_as_beam_has_it(ours, beams):
    assert drift(ours, beams) == []


def test_the_comparison_sees_the_messages_that_matter(ours):
    """So that an empty or misread folder cannot pass."""
    for name in (
        _FN + "InstructionRequest",
        _FN + "Elements.Data",
        "org.apache.beam.model.pipeline.v1.PTransform",
        "org.apache.beam.model.expansion.v1.ExpansionRequest",
    ):
        assert ours.messages[name], name
    assert sum(len(fields) for fields in ours.messages.values()) > 200


def test_every_exemption_is_still_needed(ours, beams):
    for name, field in PLAIN_HERE:
        shared = ours.messages[name] if field == "*" else {field: None}
        assert any(beams.messages[name][one].optional for one in shared), f"{name}.{field} is not optional in Beam"


@pytest.mark.parametrize(
    ("line", "wrong", "words"),
    [
        ("string unique_name = 5;", "string unique_name = 60;", "PTransform.unique_name: Field(number=60"),
        ("string unique_name = 5;", "bytes unique_name = 5;", "type='TYPE_BYTES'"),
        ("string unique_name = 5;", "repeated string unique_name = 5;", "label='LABEL_REPEATED'"),
        ("string unique_name = 5;", "optional string unique_name = 5;", "optional=True"),
        ("string unique_name = 5;", "string uniqe_name = 5;", "PTransform.uniqe_name: Beam has no such field"),
        ("message ParDoPayload {", "message ParDoPaylaod {", "ParDoPaylaod: Beam has no such message"),
        ("FunctionSpec spec = 1;", "Coder spec = 1;", "pipeline.v1.Coder"),
        ("UNBOUNDED = 1;", "UNBOUNDED = 3;", "IsBounded.Enum.UNBOUNDED: value 3 here, 1 in Beam"),
    ],
)
def test_a_wrong_declaration_is_caught(line, wrong, words, beams, tmp_path):
    (tmp_path / "protos").mkdir()
    for path in PROTOS.glob("*.proto"):
        text = path.read_text()
        if path.name == "pipeline.proto":
            start = text.index("message PTransform {") if "Enum" not in words else text.index("message IsBounded")
            assert line in text[start:], f"{line!r} is no longer in pipeline.proto; take another line for this test"
            text = text[:start] + text[start:].replace(line, wrong, 1)
        (tmp_path / "protos" / path.name).write_text(text)
    problems = drift(compile_protos(tmp_path, tmp_path / "wrong.bin"), beams)
    assert any(words in problem for problem in problems), problems


def test_the_installed_beam_is_the_one_the_files_were_written_from():
    """A newer Beam may have changed what its messages mean; read its release notes, then change this line."""
    assert beam_version == "2.77.0"
