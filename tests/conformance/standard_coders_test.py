"""Beam's own coder vectors, standard_coders.yaml as installed, against the native coders.

Every example is decoded to the value that the file says and encoded to the same bytes, in each context the file names;
also cut short at every byte, and as a chain of one-byte slices. Rows and windows are run once more the way data ports
read them. README.md beside this file lists what is left out.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

import pytest
import yaml
from apache_beam.portability import api
from apache_beam.portability.api import beam_runner_api_pb2
from coder_values import expected_value
from native_program import Answer, NativeProgram, number, sized

VECTORS = Path(api.__file__).parent / "standard_coders.yaml"
# (number of the specification, number of the example): why it is not run. README.md says the same.
LEFT_OUT: Dict[Tuple[int, int], str] = {}

NO_FIRING = b"\x0f"
MILLIS_0 = b"\x80" + bytes(7)
GLOBAL = {"urn": "beam:coder:global_window:v1"}
INTERVAL = {"urn": "beam:coder:interval_window:v1"}
CUSTOM = {"urn": "beam:coder:custom_window:v1", "components": [INTERVAL]}


class Vector(NamedTuple):
    spec: int
    example: int
    coder: Dict[str, Any]
    contexts: List[bool]  # nested?
    decode_only: bool
    state: Dict[str, bytes]  # what the runner's state holds, by token
    encoded: bytes
    value: Any

    @property
    def name(self) -> str:
        return f"{self.spec}.{self.example} {self.coder['urn'].split(':')[2]}"


class Outcome(NamedTuple):
    read: int = 0
    again: bytes = b""
    value: Any = None
    error: Optional[str] = None


def _load() -> Tuple[int, List[Vector]]:
    specifications = list(yaml.safe_load_all(VECTORS.read_text(encoding="utf-8")))
    vectors = []
    for i, spec in enumerate(specifications):
        coder = spec["coder"]
        contexts = [spec["nested"]] if "nested" in spec else [True, False]
        decode_only = coder.get("non_deterministic", spec.get("non_deterministic", False))
        state = {token: text.encode("latin-1") for token, text in coder.get("state", {}).items()}
        for j, (encoded, value) in enumerate(spec["examples"].items()):
            vectors.append(Vector(i, j, coder, contexts, decode_only, state, encoded.encode("latin-1"), value))
    return len(specifications), vectors


NUM_SPECIFICATIONS, ALL = _load()
VECTORS_RUN = [vector for vector in ALL if (vector.spec, vector.example) not in LEFT_OUT]
ROWS = [vector for vector in VECTORS_RUN if vector.coder["urn"] == "beam:coder:row:v1"]
WINDOWS = [
    vector
    for vector in VECTORS_RUN
    if vector.coder["urn"].split(":")[2] in ("global_window", "interval_window", "custom_window", "windowed_value")
]


@pytest.fixture(scope="module")
def program() -> Iterator[NativeProgram]:
    with NativeProgram("coder_vectors") as running:
        yield running


def _messages(coder: Dict[str, Any], messages: List[Tuple[str, bytes]]) -> str:
    """Adds the coder and all inside it to `messages`; its id."""
    inner = [_messages(part, messages) for part in coder.get("components", [])]
    spec = beam_runner_api_pb2.FunctionSpec(urn=coder["urn"], payload=coder.get("payload", "").encode("latin-1"))
    message = beam_runner_api_pb2.Coder(spec=spec, component_coder_ids=inner)
    coder_id = f"c{len(messages)}"
    messages.append((coder_id, message.SerializeToString()))
    return coder_id


def _behind_its_length(value: bytes) -> bytes:
    """As a length prefix writes it: the examples' lengths take one byte."""
    assert len(value) < 0x80
    return bytes([len(value)]) + value


def _set_coder(program: NativeProgram, coder: Dict[str, Any]) -> bytes:
    messages: List[Tuple[str, bytes]] = []
    coder_id = _messages(coder, messages)
    listed = b"".join(sized(name.encode()) + sized(message) for name, message in messages)
    program.ask(b"C" + number(len(messages)) + listed).done()
    return sized(coder_id.encode())


def _outcome(answer: Answer) -> Outcome:
    if answer.byte() == 0:
        return Outcome(error=answer.text())
    return Outcome(read=answer.number(), again=answer.sized(), value=json.loads(answer.text()))


def _outcomes(answer: Answer) -> Tuple[Outcome, Outcome, List[Outcome]]:
    whole, sliced = _outcome(answer), _outcome(answer)
    cuts = [_outcome(answer) for _ in range(answer.number())]
    answer.done()
    return whole, sliced, cuts


def _decode(program: NativeProgram, coder: Dict[str, Any], encoded: bytes, nested: bool) -> Tuple[Outcome, ...]:
    coder_id = _set_coder(program, coder)
    whole, sliced, cuts = _outcomes(program.ask(b"V" + coder_id + bytes([nested]) + sized(encoded)))
    return (whole, sliced, *cuts)


def _ends_in_open_text(coder: Dict[str, Any], nested: bool) -> bool:
    """Whether the bytes' own end is what ends the value."""
    name = coder["urn"].split(":")[2]
    return not nested and (
        name in ("bytes", "string_utf8") or (name == "kv" and _ends_in_open_text(coder["components"][1], nested))
    )


def _assert_names_a_byte(outcome: Outcome, length: int) -> None:
    assert outcome.error is not None
    position = re.search(r"byte (\d+)", outcome.error)
    assert position, outcome.error
    assert int(position[1]) <= length, outcome.error


def _expected(vector: Vector, program: NativeProgram) -> Any:
    """The value that the native coder must show; where the runner's state holds the rest, the part and the token."""
    tokens = [token for token in vector.state if vector.encoded.endswith(_behind_its_length(token.encode()))]
    if not tokens:
        return expected_value(vector.coder, vector.value)
    (token,) = tokens
    element = vector.coder["components"][0]
    # The state holds items one after another: as many as the file's value has beyond those in the example's bytes.
    for count in range(len(vector.value) + 1):
        listed = {"urn": "beam:coder:iterable:v1", "components": [element]}
        rest = _decode(program, listed, number(count) + vector.state[token], True)[0]
        if rest.error is None and rest.read == 4 + len(vector.state[token]):
            here = vector.value[: len(vector.value) - count]
            assert rest.value == expected_value(listed, vector.value[len(here) :])
            return ["tuple", [expected_value(listed, here), ["bytes", token.encode().hex()]]]
    raise AssertionError(f"the state of {token} holds no items")


@pytest.mark.parametrize("vector", VECTORS_RUN, ids=lambda vector: vector.name)
def test_an_example_is_decoded_and_encoded_to_the_same_bytes(program: NativeProgram, vector: Vector):
    expected = _expected(vector, program)
    for nested in vector.contexts:
        whole, sliced, *cuts = _decode(program, vector.coder, vector.encoded, nested)
        for outcome in (whole, sliced):
            assert outcome.error is None
            assert outcome.value == expected
            assert outcome.read == len(vector.encoded)
            if not vector.decode_only:
                assert outcome.again == vector.encoded
        assert whole == sliced
        assert len(cuts) == len(vector.encoded)
        for length, outcome in enumerate(cuts):
            if outcome.error is None:
                assert _ends_in_open_text(vector.coder, nested), f"cut to {length} bytes, it is still a value"
                assert outcome.again == vector.encoded[:length]
                assert outcome.value != expected
            else:
                _assert_names_a_byte(outcome, length)


def _element(row: Dict[str, Any], window: Dict[str, Any], length_prefixed: bool) -> Dict[str, Any]:
    inner = {"urn": "beam:coder:length_prefix:v1", "components": [row]} if length_prefixed else row
    return {"urn": "beam:coder:windowed_value:v1", "components": [inner, window]}


def _check_element(program: NativeProgram, coder: Dict[str, Any], encoded: bytes, row: Any, same: bool) -> None:
    coder_id = _set_coder(program, coder)
    whole, sliced, cuts = _outcomes(program.ask(b"W" + coder_id + sized(encoded)))
    for outcome in (whole, sliced):
        assert outcome.error is None
        assert outcome.value == row
        assert outcome.read == len(encoded)
        assert not same or outcome.again == encoded
    for length, outcome in enumerate(cuts):
        _assert_names_a_byte(outcome, length)


@pytest.mark.parametrize("vector", ROWS, ids=lambda vector: vector.name)
def test_a_row_is_read_the_same_by_a_data_port(program: NativeProgram, vector: Vector):
    expected = expected_value(vector.coder, vector.value)
    window = bytes.fromhex("800000000000ea60e0d403")  # the first minute of 1970
    for windows, coder in [(b"", GLOBAL), (window, INTERVAL), (bytes.fromhex("800000000000ea5f") + window, CUSTOM)]:
        for prefixed in (False, True):
            row = _behind_its_length(vector.encoded) if prefixed else vector.encoded
            encoded = MILLIS_0 + number(1) + windows + NO_FIRING + row
            _check_element(
                program, _element(vector.coder, coder, prefixed), encoded, expected, same=not vector.decode_only
            )


@pytest.mark.parametrize("vector", WINDOWS, ids=lambda vector: vector.name)
def test_windows_are_passed_over_by_a_data_port(program: NativeProgram, vector: Vector):
    """The file's windowed values have no rows as elements: their element is replaced by one."""
    row = ROWS[0]
    window, head = vector.coder, MILLIS_0 + number(1) + vector.encoded + NO_FIRING
    if vector.coder["urn"] == "beam:coder:windowed_value:v1":
        window, head = vector.coder["components"][1], vector.encoded[:-1]  # their elements are varints of one byte
    for prefixed in (False, True):
        element = _behind_its_length(row.encoded) if prefixed else row.encoded
        coder = _element(row.coder, window, prefixed)
        _check_element(program, coder, head + element, expected_value(row.coder, row.value), same=True)


def test_every_example_of_the_file_is_accounted_for(capsys: pytest.CaptureFixture[str]):
    decoded_only = [vector for vector in VECTORS_RUN if vector.decode_only]
    num_run = len(VECTORS_RUN) - len(decoded_only)
    with capsys.disabled():
        print(f"\nrun {num_run}, decoded only {len(decoded_only)}, left out {len(LEFT_OUT)} of {len(ALL)}")
    assert NUM_SPECIFICATIONS == 45
    assert len(ALL) == 124
    assert len(decoded_only) == 15
    assert num_run + len(decoded_only) + len(LEFT_OUT) == len(ALL)


def test_the_readme_lists_what_is_left_out():
    text = (Path(__file__).parent / "README.md").read_text()
    listed: Set[str] = set(re.findall(r"^\| `(\d+\.\d+)` \|", text, re.MULTILINE))
    assert listed == {f"{spec}.{example}" for spec, example in LEFT_OUT}
