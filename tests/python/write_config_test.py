"""Names, types and presence of the options, and what of them is sent."""

import math

import numpy as np
import pytest

from beam_tecton import TectonStreamWriteConfig

REQUIRED = {
    "tecton_instance": "acme.tecton.ai",
    "api_key": "env:TECTON_API_KEY",
    "workspace_name": "prod",
    "stream_source_name": "purchases",
}


def test_the_seven_parameters_have_the_documented_defaults():
    config = TectonStreamWriteConfig("acme.tecton.ai", "env:K", "prod", "purchases")
    assert (config.batch_size, config.max_retries, config.timeout) == (10, 3, 30.0)
    assert config.payload_options() == {
        "tecton_instance": "acme.tecton.ai",
        "api_key": "env:K",
        "workspace_name": "prod",
        "stream_source_name": "purchases",
    }


@pytest.mark.parametrize("name", ["api_key", "workspace_name", "stream_source_name"])
def test_a_required_option_that_is_missing_is_named(name):
    options = {key: value for key, value in REQUIRED.items() if key != name}
    with pytest.raises(TypeError, match=f"^{name} is missing"):
        TectonStreamWriteConfig(**options)


def test_the_instance_may_be_left_out_only_with_an_endpoint():
    options = {key: value for key, value in REQUIRED.items() if key != "tecton_instance"}
    with pytest.raises(ValueError, match=r"^tecton_instance is missing.*or endpoint_url"):
        TectonStreamWriteConfig(**options)
    config = TectonStreamWriteConfig(**options, endpoint_url="https://eu.acme.tecton.ai/ingest")
    assert "tecton_instance" not in config.payload_options()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("batch_size", "10", "batch_size must be an integer, not str"),
        ("batch_size", 2.0, "batch_size must be an integer, not float"),
        ("batch_size", True, "batch_size must be an integer, not bool"),
        ("batch_size", None, "batch_size must be an integer, not NoneType"),
        ("timeout", "30", "timeout must be a number, not str"),
        ("timeout", False, "timeout must be a number, not bool"),
        ("dry_run", 1, "dry_run must be True or False, not int"),
        ("workspace_name", 5, "workspace_name must be a string, not int"),
        ("max_in_flight", 1.5, "max_in_flight must be an integer, not float"),
    ],
)
def test_a_wrong_type_is_refused_by_name(name, value, words):
    with pytest.raises(TypeError, match=f"^{words}"):
        TectonStreamWriteConfig(**{**REQUIRED, name: value})


def test_numbers_become_the_type_their_option_has():
    config = TectonStreamWriteConfig(**REQUIRED, timeout=5, batch_size=np.int64(3), max_in_flight=np.int32(7))
    options = config.payload_options()
    assert {name: type(options[name]) for name in ("timeout", "batch_size", "max_in_flight")} == {
        "timeout": float,
        "batch_size": int,
        "max_in_flight": int,
    }


def test_only_what_differs_from_its_default_is_sent():
    config = TectonStreamWriteConfig(**REQUIRED, batch_size=10, linger_ms=5, dry_run=True)
    assert config.payload_options() == {**REQUIRED, "linger_ms": 5, "dry_run": True}


def test_not_a_number_is_sent_so_that_the_service_refuses_it():
    assert math.isnan(TectonStreamWriteConfig(**REQUIRED, timeout=math.nan).payload_options()["timeout"])


def test_a_config_cannot_be_changed():
    with pytest.raises(AttributeError):
        TectonStreamWriteConfig(**REQUIRED).batch_size = 5


def test_neither_repr_nor_str_shows_the_key():
    config = TectonStreamWriteConfig(**{**REQUIRED, "api_key": "hunter2"})
    assert "hunter2" not in repr(config) + str(config)
    assert "purchases" in repr(config)


def test_a_gcp_secret_is_sent_as_its_reference():
    secrets = pytest.importorskip("apache_beam.utils.secret", reason="this Beam has no secrets")
    secret = secrets.GcpSecret("projects/p/secrets/s/versions/1")
    config = TectonStreamWriteConfig(**{**REQUIRED, "api_key": secret})
    reference = config.payload_options()["api_key"]
    assert reference == "type:GcpSecret;version_name:projects/p/secrets/s/versions/1"
    assert secrets.Secret.parse_secret_option(reference) == secret


@pytest.mark.parametrize(("name", "given"), [("RawSecret", ["hunter2"]), ("GcpHsmGeneratedSecret", list("plrkj"))])
def test_secrets_that_only_python_can_read_are_refused(name, given):
    secrets = pytest.importorskip("apache_beam.utils.secret", reason="this Beam has no secrets")
    if not hasattr(secrets, name):
        pytest.skip(f"this Beam has no {name}")
    secret = getattr(secrets, name)(*given)
    with pytest.raises(
        ValueError, match=rf"^api_key is a {type(secret).__name__}, which only Python can read"
    ) as raised:
        TectonStreamWriteConfig(**{**REQUIRED, "api_key": secret})
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(("key", "error"), [("", ValueError), (5, TypeError), (b"hunter2", TypeError)])
def test_a_key_that_is_no_text_is_refused_without_showing_it(key, error):
    with pytest.raises(error, match="^api_key is") as raised:
        TectonStreamWriteConfig(**{**REQUIRED, "api_key": key})
    assert "hunter2" not in str(raised.value)
