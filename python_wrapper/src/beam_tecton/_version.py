"""The package's version; the native binary reports the same one."""

__version__ = "0.1.0"
