"""The transform that writes a PCollection of rows to a Tecton stream source."""

import copy
import dataclasses
import difflib
import typing
from typing import Any, Dict, Optional, Union

import apache_beam as beam
import grpc
from apache_beam import coders
from apache_beam.portability import common_urns
from apache_beam.pvalue import PCollection
from apache_beam.transforms import error_handling as error_handling_api
from apache_beam.transforms.display import DisplayDataItem
from apache_beam.transforms.external import ExternalTransform, SchemaTransformPayloadBuilder

from beam_tecton import local_service, row_conversion, row_types, secrets, versions, worker_program
from beam_tecton.secrets import Secret
from beam_tecton.write_config import TectonStreamWriteConfig

IDENTIFIER = "beam:schematransform:org.apache.beam:tecton_stream_write:v1"


class TectonWriteResult(Dict[str, PCollection]):
    """What a write gives back: its outputs by tag."""

    @property
    def written(self) -> PCollection:
        """One row for each request that Tecton acknowledged, bundle and window: records, attempts, status, latency_ms,
        first_event_time, last_event_time. What has to wait for the write can depend on it."""
        return self["written"]

    @property
    def failed_rows(self) -> Optional[PCollection]:
        """The output of error_handling: refused rows as failed_row, error_message, status, error_class, attempts and
        possibly_stored. None when the write has no such output and fails instead, or an error handler takes them."""
        others = [name for name in self if name != "written"]
        return self[others[0]] if others else None


class WriteToTectonStream(beam.PTransform):
    """Writes rows to a stream source of Tecton's Stream Ingest API.

    Delivery is at least once: a bundle succeeds only when Tecton acknowledged each of its rows, and a row that is sent
    again replaces itself (same keys, same timestamp)::

        class Purchase(typing.NamedTuple):
            user_id: str
            amount: float
            event_time: Timestamp

        purchases | WriteToTectonStream(
            TectonStreamWriteConfig(
                tecton_instance="acme.tecton.ai",
                api_key="env:TECTON_API_KEY",
                workspace_name="prod",
                stream_source_name="purchases"))

    The input is a PCollection of a NamedTuple class, a dataclass or beam.Row, whose fields are the stream source's
    columns. Elements of which Beam knows no types (dicts, rows made of values Beam cannot infer, fields of type
    datetime.datetime) are written with `schema=`; each of them is then converted and checked.

    Args:
      config: the options; see TectonStreamWriteConfig for each one's unit and meaning.
      schema: a NamedTuple class, a dataclass, or {name: type}; what the elements look like, where Beam does not
        know it.
      expansion_service: "localhost:port" of a running `beam-tecton expansion-service`. By default one is
        started, shared by all pipelines of this process and ended with it.
      **options: the options one by one, instead of config.

    Returns:
      A TectonWriteResult.

    Raises:
      TypeError, ValueError: on construction, an option is missing, unknown or of the wrong type; when applied, the
        input has no schema, or a field has a type that cannot be written.
      RuntimeError: when applied, an option is out of range, or the native program is missing, broken or of another
        version.
    """

    def __init__(
        self,
        config: Optional[TectonStreamWriteConfig] = None,
        *,
        schema: Optional[row_conversion.Schema] = None,
        expansion_service: Optional[str] = None,
        tecton_instance: Optional[str] = None,
        api_key: Union[str, Secret, None] = None,
        workspace_name: Optional[str] = None,
        stream_source_name: Optional[str] = None,
        batch_size: int = 10,
        max_retries: int = 3,
        timeout: float = 30.0,
        endpoint_url: Optional[str] = None,
        dry_run: bool = False,
        linger_ms: int = 10,
        max_in_flight: int = 200,
        max_records_per_second: int = 0,
        max_retry_seconds: int = 300,
        error_handling: Optional[typing.Mapping[str, Any]] = None,
        on_exhausted: str = "fail",
        preflight: str = "schema",
        startup_grace_seconds: int = 0,
        timestamp_field: Optional[str] = None,
        key_fields: Union[str, typing.Sequence[str], None] = None,
        timestamp_from_element: Optional[str] = None,
        int64_encoding: str = "auto",
        non_finite: str = "reject",
        bytes_encoding: str = "base64",
        unknown_logical_types: str = "refuse",
        ca_file: Optional[str] = None,
        proxy: str = "env",
        allow_insecure: bool = False,
        environment_type: str = "DEFAULT",
        environment_config: Optional[str] = None,
        container_image: Optional[str] = None,
        worker_command: Optional[str] = None,
        **unknown: Any,
    ) -> None:
        given = dict(locals())
        super().__init__()
        fields = dataclasses.fields(TectonStreamWriteConfig)
        if unknown:
            raise TypeError(_unknown_option(next(iter(unknown)), [field.name for field in fields]))
        options = {field.name: given[field.name] for field in fields}
        if config is None:
            config = TectonStreamWriteConfig(**options)
        elif not isinstance(config, TectonStreamWriteConfig):
            raise TypeError(f"config must be a TectonStreamWriteConfig, not {type(config).__name__}.")
        else:
            twice = [field.name for field in fields if options[field.name] != field.default]
            if twice:
                raise TypeError(f"{twice[0]} is given beside config. Set it in config, or give all options one by one.")
        self._config = config
        self._schema = None if schema is None else row_conversion.row_schema(schema)
        self._expansion_service = expansion_service
        self._error_handler: Optional[error_handling_api.ErrorHandler] = None
        secrets.warn_of_literal(secrets.api_key_option(config.api_key))

    def with_exception_handling(
        self, *, dead_letter_tag: str = "bad", threshold: float = 1.0, error_handler: Any = None
    ) -> "WriteToTectonStream":
        """This write with an output for refused rows, as Beam's own transforms have it.

        Args:
          dead_letter_tag: the output's name; `failed_rows` of the result is the same PCollection.
          threshold: the share of refused rows, of each worker process, above which bundles fail.
          error_handler: takes the refused rows in place of an output; see `with_error_handler`.
        """
        if self._config.error_handling is not None:
            raise TypeError("error_handling is set in the options already; leave one of the two out.")
        changed = copy.copy(self)
        changed._config = dataclasses.replace(
            self._config, error_handling={"output": dead_letter_tag, "threshold": threshold}
        )
        changed._error_handler = error_handler
        return changed

    def with_error_handler(
        self, error_handler: Optional[error_handling_api.ErrorHandler], **keywords: Any
    ) -> "WriteToTectonStream":
        """This write with refused rows given to an `apache_beam.transforms.error_handling.ErrorHandler`.

        None changes nothing. The keywords are those of `with_exception_handling`.
        """
        if error_handler is None:
            return self
        return self.with_exception_handling(error_handler=error_handler, **keywords)

    # Returns a TectonWriteResult; not annotated, because Beam warns of every class there that is not its own.
    def expand(self, rows: PCollection):  # type: ignore[no-untyped-def]
        if not isinstance(rows, PCollection):
            raise TypeError(f"WriteToTectonStream takes one PCollection, not {type(rows).__name__}.")
        rows = self._with_schema(rows)
        payload = SchemaTransformPayloadBuilder(IDENTIFIER, **self._config.payload_options())
        service, address = None, self._expansion_service
        if address is None:
            variable = secrets.environment_variable(secrets.api_key_option(self._config.api_key))
            service = local_service.shared_service(variable)
            address = service.address
        worker_program.check(rows.pipeline, self._config, None if service is None else service.command[0])
        try:
            if service is None:
                versions.check_service(address, IDENTIFIER)
            outputs = rows | "Write" >> ExternalTransform(
                common_urns.schematransform_based_expand.urn, payload, address
            )
        except grpc.RpcError as error:
            raise local_service.ServiceError(_unreachable(address, service, error)) from error
        result = TectonWriteResult({outputs.tag or "written": outputs} if isinstance(outputs, PCollection) else outputs)
        failed = result.failed_rows
        if failed is not None and self._error_handler is not None:
            self._error_handler.add_error_pcollection(failed)
            result = TectonWriteResult({"written": result.written})
        # Beam's own runner notices a worker that dies only when somebody reads what it sends.
        result.written | "Acknowledged" >> beam.Map(_same)
        return result

    def display_data(self) -> Dict[str, Any]:
        config = self._config
        return {
            "tecton_instance": DisplayDataItem(config.tecton_instance, label="Tecton instance").drop_if_none(),
            "endpoint_url": DisplayDataItem(config.endpoint_url, label="Ingest endpoint").drop_if_none(),
            "workspace_name": DisplayDataItem(config.workspace_name, label="Workspace"),
            "stream_source_name": DisplayDataItem(config.stream_source_name, label="Stream source"),
            "batch_size": DisplayDataItem(config.batch_size, label="Records a request"),
            "dry_run": DisplayDataItem(config.dry_run, label="Dry run").drop_if_default(False),
        }

    def _with_schema(self, rows: PCollection) -> PCollection:
        if self._schema is not None:
            return rows | "ConvertRows" >> beam.ParDo(row_conversion.ConvertRow(self._schema)).with_output_types(
                row_conversion.element_type(self._schema)
            )
        row = row_types.checked_row_type(rows.element_type)
        if isinstance(coders.registry.get_coder(rows.element_type), coders.RowCoder):
            return rows
        # Beam pickles NamedTuples and dataclasses unless they are registered with RowCoder; the type of this step's
        # output makes them rows without changing what the rest of the pipeline does with them.
        return rows | "AsRows" >> beam.Map(_same).with_output_types(row)


def _same(row: Any) -> Any:
    return row


def _unknown_option(name: str, valid: typing.List[str]) -> str:
    def folded(option: str) -> str:
        return option.replace("_", "").lower()

    near = difflib.get_close_matches(folded(name), [folded(one) for one in valid], n=1, cutoff=0.6)
    meant = [one for one in valid if near and folded(one) == near[0]]
    guess = f" Did you mean {meant[0]}?" if meant else ""
    return f"WriteToTectonStream has no option {name}.{guess} Its options: {', '.join(valid)}."


def _unreachable(address: str, service: Optional[local_service.LocalService], error: grpc.RpcError) -> str:
    detail = error.details() if hasattr(error, "details") else type(error).__name__
    if service is None:
        return (
            f"The expansion service at {address} did not answer: {detail}. Check that it runs and the address is right."
        )
    return f"The beam-tecton service at {address} did not answer: {detail}. Its last lines:\n{service.last_lines()}"
