"""The options of WriteToTectonStream."""

import dataclasses
import numbers
from typing import Any, Dict, Mapping, Optional, Sequence, Union, get_args, get_type_hints

import apache_beam as beam

from beam_tecton import secrets
from beam_tecton.secrets import Secret


@dataclasses.dataclass(frozen=True)
class TectonStreamWriteConfig:
    """Where to write and how. Options that are not given take the native worker's defaults, which are those shown here.

    Names, types and presence are checked here; ranges, choices and combinations when the transform is applied to a
    PCollection, by the native expansion service, whose option table is the only place that holds them.

    Args:
      tecton_instance: host name of the Tecton account, for example "acme.tecton.ai": no scheme, no path. Required
        unless endpoint_url is given.
      api_key: key of a Tecton service account that may edit the workspace: "env:NAME" (a variable of the worker's
        environment), "file:/path" (a file on the worker's machine), an `apache_beam` GcpSecret or its text
        "type:GcpSecret;version_name:...", or the key itself, which then travels in the pipeline's definition.
      workspace_name: the live workspace that holds the stream source.
      stream_source_name: the stream source (push source) to write to.
      batch_size: records in one request, 1 to 10.
      max_retries: how often one request that was sent and failed is sent again.
      timeout: seconds one request may take.
      endpoint_url: whole URL of the ingest endpoint, in place of the one made from tecton_instance.
      dry_run: Tecton checks the records and stores nothing.
      linger_ms: milliseconds a batch that is not full waits for more rows while none are there.
      max_in_flight: most requests under way at once, for each worker process; how many of them Tecton can take is
        learned from its answers.
      max_records_per_second: most records sent in a second, for each worker process, reached within a minute from a
        quarter of it; 0 means no cap.
      max_retry_seconds: seconds after which a request that keeps failing is given up, throttling included.
      error_handling: {"output": NAME} gives refused rows an output of that name instead of failing; with
        {"output": NAME, "threshold": 0.05} bundles fail once more than that share of a worker process's rows is
        refused.
      on_exhausted: what becomes of rows whose retries ran out: "fail", or "dead_letter": they go to the output of
        error_handling.
      preflight: what is checked before the first write: "schema" compares types when the pipeline is built, "full" also
        asks Tecton for a dry run of the first row in each worker process, "off" leaves all to the worker.
      startup_grace_seconds: for how long after its first request a worker process tries again when Tecton does not find
        the workspace or the source.
      timestamp_field: the source's timestamp column, checked when the pipeline is built.
      key_fields: the join keys, as a list or separated by commas; with timestamp_field, rows of one bundle with equal
        keys and time, of which Tecton keeps only the last, are counted.
      timestamp_from_element: name of a column to add that holds Beam's event time of each row.
      int64_encoding: "auto" (a string beyond 2^53), "number" or "string".
      non_finite: what becomes of NaN and infinities: "reject", "null" or "string".
      bytes_encoding: how columns of bytes, which Tecton does not have, are written: "base64", or "reject".
      unknown_logical_types: what becomes of columns whose Beam logical type the sink does not know: "refuse", or
        "representation" to write them as the plain type that represents them.
      ca_file: PEM file with the certificate authorities to trust, on the worker's machine.
      proxy: "env" (HTTPS_PROXY and NO_PROXY of the worker's environment), a URL, or "none".
      allow_insecure: allow http:// to hosts other than this machine.
      environment_type: how runners start the worker, in Beam's words: "PROCESS", "EXTERNAL" or "DOCKER". "DEFAULT" lets
        them choose between a process and the pool that this package keeps while the Python program runs.
      environment_config: the command, address or image that belongs to environment_type.
      container_image: image that holds the native worker, for runners that only know containers.
      worker_command: path of the native program on the machines that run the pipeline, for runners that start it as a
        process; without it, its path on this machine.

    Raises:
      TypeError: an option has the wrong type, or a required one is missing.
      ValueError: tecton_instance and endpoint_url are both missing, or api_key cannot be used.
    """

    tecton_instance: Optional[str] = None
    # Never shown: repr, str, display data and errors leave it out.
    api_key: Union[str, Secret, None] = dataclasses.field(default=None, repr=False)
    workspace_name: Optional[str] = None
    stream_source_name: Optional[str] = None
    batch_size: int = 10
    max_retries: int = 3
    timeout: float = 30.0
    endpoint_url: Optional[str] = None
    dry_run: bool = False
    linger_ms: int = 10
    max_in_flight: int = 200
    max_records_per_second: int = 0
    max_retry_seconds: int = 300
    error_handling: Optional[Mapping[str, Any]] = None
    on_exhausted: str = "fail"
    preflight: str = "schema"
    startup_grace_seconds: int = 0
    timestamp_field: Optional[str] = None
    key_fields: Union[str, Sequence[str], None] = None
    timestamp_from_element: Optional[str] = None
    int64_encoding: str = "auto"
    non_finite: str = "reject"
    bytes_encoding: str = "base64"
    unknown_logical_types: str = "refuse"
    ca_file: Optional[str] = None
    proxy: str = "env"
    allow_insecure: bool = False
    environment_type: str = "DEFAULT"
    environment_config: Optional[str] = None
    container_image: Optional[str] = None
    worker_command: Optional[str] = None

    def __post_init__(self) -> None:
        for name in ("api_key", "workspace_name", "stream_source_name"):
            if getattr(self, name) is None:
                raise TypeError(f"{name} is missing. {_REQUIRED}")
        if self.tecton_instance is None and self.endpoint_url is None:
            raise ValueError(f"tecton_instance is missing. {_REQUIRED}")
        secrets.api_key_option(self.api_key)
        object.__setattr__(self, "error_handling", _error_handling(self.error_handling))
        if self.key_fields is not None and not isinstance(self.key_fields, str):
            object.__setattr__(self, "key_fields", _names(self.key_fields))
        hints = {**get_type_hints(type(self)), "key_fields": Optional[str]}
        for field in dataclasses.fields(self):
            if field.name in ("api_key", "error_handling"):
                continue
            value = _plain(getattr(self, field.name), hints[field.name], field.name)
            object.__setattr__(self, field.name, value)

    def payload_options(self) -> Dict[str, Any]:
        """The options that differ from their defaults, by name: what the expansion service is sent."""
        options = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name == "api_key":
                value = secrets.api_key_option(value)
            if field.name == "error_handling" and value is not None:
                value = beam.Row(**value)
            # NaN differs from everything, so it is sent, and refused there.
            if value is not None and value != field.default:
                options[field.name] = value
        return options

    @property
    def error_output(self) -> Optional[str]:
        """The output that takes refused rows; None when they fail their bundle."""
        return None if self.error_handling is None else self.error_handling["output"]


def _error_handling(given: Any) -> Optional[Mapping[str, Any]]:
    """What Beam YAML has under error_handling, with the types that the options have."""
    if given is None:
        return None
    example = "Write for example error_handling={'output': 'errors'}."
    if not isinstance(given, Mapping):
        raise TypeError(f"error_handling must be a mapping, not {type(given).__name__}. {example}")
    unknown = [name for name in given if name not in ("output", "threshold")]
    if unknown:
        raise TypeError(f"error_handling has no option {unknown[0]}. Its options: output, threshold. {example}")
    if not isinstance(given.get("output"), str):
        raise TypeError(f"error_handling needs output, the name of an output. {example}")
    made: Dict[str, Any] = {"output": str(given["output"])}
    if given.get("threshold") is not None:
        made["threshold"] = _plain(given["threshold"], float, "error_handling.threshold")
    return made


def _names(given: Any) -> str:
    names = list(given) if isinstance(given, Sequence) else [given]
    if not all(isinstance(name, str) for name in names):
        raise TypeError("key_fields must be a list of column names, or a string with commas between them.")
    return ",".join(names)


_REQUIRED = (
    "WriteToTectonStream needs api_key, workspace_name, stream_source_name, and tecton_instance or endpoint_url."
)

_TYPE_WORDS: Mapping[type, str] = {str: "a string", int: "an integer", float: "a number", bool: "True or False"}


def _plain(value: Any, hint: Any, name: str) -> Any:
    """`value` as the Python type its option has, so that its type in the payload's schema is always the same one."""
    alternatives = get_args(hint) or (hint,)
    if value is None and type(None) in alternatives:
        return None
    (wanted,) = [one for one in alternatives if one is not type(None)]
    if wanted is str and isinstance(value, str):
        return str(value)
    if wanted is bool and isinstance(value, bool):
        return value
    if wanted is int and isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return int(value)
    if wanted is float and isinstance(value, numbers.Real) and not isinstance(value, bool):
        return float(value)
    raise TypeError(f"{name} must be {_TYPE_WORDS[wanted]}, not {type(value).__name__}.")
