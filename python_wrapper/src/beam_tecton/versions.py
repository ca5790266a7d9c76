"""Refuses versions that do not fit together: of Beam, of the native program, of an expansion service.

What a program of another version takes and gives back may be something else, and it would show late, as an option or a
column that nobody knows.
"""

import re
import subprocess
from typing import Tuple

import apache_beam as beam
from apache_beam.portability.api import beam_expansion_api_pb2
from apache_beam.transforms.external import ExternalTransform

from beam_tecton import native_binary
from beam_tecton._version import __version__

# The oldest Beam that the tests ran with; pyproject.toml names the same one.
OLDEST_BEAM = "2.65.0"

PROGRAM_SECONDS = 10.0  # it prints its version in a millisecond
SERVICE_SECONDS = 30.0  # it answers within milliseconds, once the connection is there

_SERVED_BY = re.compile(rf"{native_binary.NAME} (\S+)$")


class VersionError(RuntimeError):
    """The installed Beam, the program `beam-tecton` or an expansion service does not fit this package."""


def check_beam(version: str) -> None:
    """Raises VersionError when this version of apache_beam is older than the wrapper can use."""
    if _numbers(version) < _numbers(OLDEST_BEAM):
        raise VersionError(
            f"beam-tecton {__version__} needs apache-beam {OLDEST_BEAM} or newer, and version {version} is installed. "
            f"Run: pip install 'apache-beam>={OLDEST_BEAM}'"
        )


def check_program(binary: str) -> None:
    """Raises VersionError when the native program is of another version than this package."""
    cure = f"reinstall beam-tecton or set {native_binary.ENVIRONMENT_VARIABLE} to a working program."
    try:
        asked = subprocess.run([binary, "version"], capture_output=True, timeout=PROGRAM_SECONDS, check=False)
    except OSError as error:
        raise VersionError(
            f"{binary} could not be started: {error.strerror or error}. If the file is damaged or built for another "
            f"machine, {cure}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise VersionError(
            f"{binary} did not say its version within {PROGRAM_SECONDS:g} s. If it is not the program, {cure}"
        ) from error
    answer = asked.stdout.decode(errors="replace").strip()
    name, _, version = answer.partition(" ")
    if asked.returncode != 0 or name != native_binary.NAME:
        raise VersionError(
            f"{binary} is not {native_binary.NAME}: asked for its version, it ended with exit code {asked.returncode} "
            f"and answered {answer[:60]!r}. To use the right one, {cure}"
        )
    if version != __version__:
        raise VersionError(
            f"{binary} is version {version}, and this package is version {__version__}. Install both of one version, "
            f"or set {native_binary.ENVIRONMENT_VARIABLE} to a program of version {__version__}."
        )


def check_service(address: str, identifier: str) -> None:
    """Raises VersionError when the expansion service at this address is of another version than this package.

    The expansion protocol has no field for it, so the program's version stands at the end of the transform's
    description.

    Raises:
      VersionError, grpc.RpcError
    """
    with ExternalTransform.service(address) as service:
        request = beam_expansion_api_pb2.DiscoverSchemaTransformRequest()
        served = service.DiscoverSchemaTransform(request, timeout=SERVICE_SECONDS).schema_transform_configs
    if identifier not in served:
        raise VersionError(
            f"The expansion service at {address} is not that of {native_binary.NAME}: it serves "
            f"{', '.join(sorted(served)) or 'nothing'}. Give the address of `{native_binary.NAME} expansion-service`."
        )
    found = _SERVED_BY.search(served[identifier].description)
    if found is None:
        raise VersionError(
            f"The expansion service at {address} does not say its version, so it is older than this package, which is "
            f"version {__version__}. Start {native_binary.NAME} {__version__} there."
        )
    if found[1] != __version__:
        raise VersionError(
            f"The expansion service at {address} is version {found[1]}, and this package is version {__version__}. "
            f"Start {native_binary.NAME} {__version__} there, or install version {found[1]} of the package here."
        )


def _numbers(version: str) -> Tuple[int, ...]:
    """2.65.0rc1.dev is (2, 65, 0): what comes after the numbers does not matter here."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


# At import, before the modules that use what an older Beam does not have: local_service, which is first, imports this.
check_beam(beam.__version__)
