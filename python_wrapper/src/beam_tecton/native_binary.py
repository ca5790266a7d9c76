"""Finds the native program `beam-tecton`."""

import os
import shutil
from pathlib import Path
from typing import List, Tuple

NAME = "beam-tecton"
ENVIRONMENT_VARIABLE = "BEAM_TECTON_BINARY"

_PACKAGE = Path(__file__).resolve().parent


class BinaryNotFoundError(RuntimeError):
    """No usable `beam-tecton`; the message names every place sought and what to do."""


def find_binary() -> str:
    """The path of the native program.

    Sought in this order: the path in the environment variable BEAM_TECTON_BINARY, the installed package, the build
    output of a source tree that this package is part of, PATH. The first file found is taken; a file that cannot be
    executed is an error and not passed over, so that a broken installation does not run some other version.

    Raises:
      BinaryNotFoundError: nothing was found, or what was found is not an executable file.
    """
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        return _checked(Path(named), f"the environment variable {ENVIRONMENT_VARIABLE} names it")

    places = _places()
    for path, origin in places:
        if path.exists():
            return _checked(path, origin)
    on_path = shutil.which(NAME)
    if on_path:
        return on_path

    sought = [f"the environment variable {ENVIRONMENT_VARIABLE} (not set)"]
    sought += [f"{path} ({origin}; no such file)" for path, origin in places]
    sought.append(f"{NAME} in PATH ({os.environ.get('PATH') or 'empty'})")
    raise BinaryNotFoundError(
        f"The native program {NAME} was not found. Sought in:\n  "
        + "\n  ".join(sought)
        + f"\nInstall a beam-tecton package that was built for this platform, or build it in a source tree with "
        f"`bazel build //worker:{NAME}`, or set {ENVIRONMENT_VARIABLE} to its path."
    )


def _places() -> List[Tuple[Path, str]]:
    places = [(_PACKAGE / "bin" / NAME, "the installed package")]
    # python_wrapper/src/beam_tecton in a source tree (an editable installation).
    if len(_PACKAGE.parents) > 2 and (_PACKAGE.parents[2] / "WORKSPACE").is_file():
        places.append((_PACKAGE.parents[2] / "bazel-bin" / "worker" / NAME, "the source tree's build output"))
    return places


def _checked(path: Path, origin: str) -> str:
    if not path.exists():
        raise BinaryNotFoundError(f"There is no file {path} ({origin}). Correct the path, or unset the variable.")
    if not path.is_file():
        raise BinaryNotFoundError(f"{path} ({origin}) is not a file. Name the program itself.")
    if not os.access(path, os.X_OK):
        raise BinaryNotFoundError(f"{path} ({origin}) is not executable. Run: chmod +x {path}")
    return str(path)
