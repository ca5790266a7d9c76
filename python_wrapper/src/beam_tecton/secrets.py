"""The API key: a literal, or a reference that the worker resolves, so that the key itself stays out of the pipeline."""

import threading
import warnings
from typing import Any

try:
    from apache_beam.utils.secret import Secret
except ImportError:  # older Beam has no secrets
    Secret = str  # type: ignore[misc, assignment]

# Spellings of a reference, as the native worker knows them. Whatever else a string says is taken for the key itself.
_REFERENCE_PREFIXES = ("env:", "file:", "type:")

_warned = False
_warned_lock = threading.Lock()


class LiteralApiKeyWarning(UserWarning):
    """The API key was given as itself and travels in the pipeline's definition."""


def api_key_option(api_key: Any) -> str:
    """The text of the option `api_key` for a literal, a reference, or one of Beam's Secret objects.

    Raises:
      ValueError: empty, or a Secret whose value could only be sent as itself.
      TypeError: neither text nor a Secret.
    """
    if isinstance(api_key, str):
        if not api_key:
            raise ValueError("api_key is empty. Give a key, or a reference such as 'env:TECTON_API_KEY'.")
        return api_key
    if _is_beam_secret(api_key):
        return _secret_reference(api_key)
    raise TypeError(
        f"api_key is a {type(api_key).__name__}; it must be a string (a reference such as 'env:TECTON_API_KEY' or "
        "'file:/path', or the key itself) or an apache_beam GcpSecret."
    )


def is_reference(option: str) -> bool:
    """Whether the option's text says where the key is, rather than what it is."""
    return option.startswith(_REFERENCE_PREFIXES)


def environment_variable(option: str) -> str:
    """The variable's name in `env:NAME`, else an empty string."""
    return option[len("env:") :] if option.startswith("env:") else ""


def warn_of_literal(option: str) -> None:
    """Warns, once a process, when the option's text is the key itself."""
    global _warned
    if is_reference(option):
        return
    with _warned_lock:
        if _warned:
            return
        _warned = True
    warnings.warn(
        "api_key was given as the key itself, so the key is part of the pipeline's definition and whoever may read the "
        "job can read it. Prefer a reference, which the worker resolves: api_key='env:TECTON_API_KEY', "
        "'file:/path/to/key', or a GcpSecret.",
        LiteralApiKeyWarning,
        stacklevel=3,
    )


def _is_beam_secret(value: Any) -> bool:
    # Beam's module moved and its classes grew between releases; the name of the base class did not.
    return any(base.__name__ == "Secret" and base.__module__.startswith("apache_beam") for base in type(value).__mro__)


def _secret_reference(secret: Any) -> str:
    version_name = getattr(secret, "_version_name", None)
    if type(secret).__name__ == "GcpSecret" and isinstance(version_name, str) and version_name:
        return f"type:GcpSecret;version_name:{version_name}"
    raise ValueError(
        f"api_key is a {type(secret).__name__}, which only Python can read: the native worker would have to be given "
        "the key itself. Use a GcpSecret, 'env:NAME' or 'file:/path'."
    )
