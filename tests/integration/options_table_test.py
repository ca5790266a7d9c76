"""The wrapper's options, defaults and version against those that the native program prints."""

import dataclasses
import json
import re
import subprocess
from typing import Any, Dict, List, get_args, get_type_hints

import pytest

from beam_tecton import TectonStreamWriteConfig, __version__, native_binary

REQUIRED = {"api_key": "env:K", "workspace_name": "w", "stream_source_name": "s", "tecton_instance": "i"}
# How the native table and Python name the same type.
PYTHON_TYPES = {"text": str, "choice": str, "integer": int, "number": float, "flag": bool}


def native(*arguments: str) -> str:
    return subprocess.run([native_binary.find_binary(), *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def table() -> List[Dict[str, Any]]:
    return json.loads(native("options", "--format=json"))


def test_names_and_their_order(table):
    fields = [field.name for field in dataclasses.fields(TectonStreamWriteConfig)]
    assert sorted(fields) == sorted({option["name"].split(".")[0] for option in table})
    assert fields[:7] == [option["name"] for option in table][:7], "the seed's seven come first, in its order"


def test_defaults(table):
    config = TectonStreamWriteConfig(**REQUIRED)
    for option in table:
        if option["name"] not in REQUIRED and "." not in option["name"]:
            assert getattr(config, option["name"]) == option["default"], option["name"]


def test_types(table):
    hints = get_type_hints(TectonStreamWriteConfig)
    for option in table:
        if option["name"] == "api_key" or "." in option["name"]:
            continue
        hint = hints[option["name"]]
        types = [one for one in get_args(hint) or (hint,) if one is not type(None)]
        assert types[0] == PYTHON_TYPES[option["type"]], option["name"]
        assert len(types) == 1 or option["name"] == "key_fields"


def test_the_group_takes_its_options_and_no_others(table):
    for option in table:
        group, _, member = option["name"].partition(".")
        if member:
            value = {"text": "errors", "number": 0.5}[option["type"]]
            config = TectonStreamWriteConfig(**REQUIRED, **{group: {"output": "errors", member: value}})
            assert getattr(config, group)[member] == value
    with pytest.raises(TypeError, match=r"error_handling has no option outptu.*output, threshold"):
        TectonStreamWriteConfig(**REQUIRED, error_handling={"outptu": "errors"})


def test_required(table):
    for option in table:
        if option["required"]:
            with pytest.raises(TypeError, match=f"^{option['name']} is missing"):
                TectonStreamWriteConfig(**{name: value for name, value in REQUIRED.items() if name != option["name"]})


def test_only_the_key_is_secret(table):
    assert [option["name"] for option in table if option["secret"]] == ["api_key"]


def test_each_option_is_explained_where_python_users_look(table):
    for option in table:
        line = rf"^\s+{option['name'].split('.')[0]}: "
        assert re.search(line, str(TectonStreamWriteConfig.__doc__), re.MULTILINE), option["name"]


def test_choices_are_those_of_the_documentation(table):
    for option in table:
        for choice in option.get("choices", []):
            assert f'"{choice}"' in str(TectonStreamWriteConfig.__doc__), f"{option['name']}: {choice}"


def test_versions_are_the_same():
    assert __version__ in native("version").split()
