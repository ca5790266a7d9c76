"""Write Apache Beam rows to Tecton's Stream Ingest API through a native worker."""

from beam_tecton._version import __version__
from beam_tecton.local_service import ServiceError
from beam_tecton.native_binary import BinaryNotFoundError
from beam_tecton.row_conversion import RowConversionError
from beam_tecton.secrets import LiteralApiKeyWarning
from beam_tecton.versions import VersionError
from beam_tecton.write_config import TectonStreamWriteConfig
from beam_tecton.write_to_tecton import TectonWriteResult, WriteToTectonStream

__all__ = [
    "BinaryNotFoundError",
    "LiteralApiKeyWarning",
    "RowConversionError",
    "ServiceError",
    "TectonStreamWriteConfig",
    "TectonWriteResult",
    "VersionError",
    "WriteToTectonStream",
    "__version__",
]
