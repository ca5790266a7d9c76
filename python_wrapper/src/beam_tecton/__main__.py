"""`python -m beam_tecton yaml-provider`: the lines that make WriteToTectonStream known to a Beam YAML pipeline."""

import argparse

from beam_tecton import WriteToTectonStream
from beam_tecton.write_to_tecton import IDENTIFIER

PYTHON_PROVIDER = f"""\
- type: python
  transforms:
    WriteToTectonStream: beam_tecton.{WriteToTectonStream.__name__}
  config: {{}}
"""

REMOTE_PROVIDER = """\
- type: remote
  transforms:
    WriteToTectonStream: "{identifier}"
  config: {{address: "{address}"}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m beam_tecton", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    provider = commands.add_parser(
        "yaml-provider",
        help="print an entry for `providers:` of a Beam YAML pipeline",
        description="Prints an entry for `providers:` of a Beam YAML pipeline. Without an address the transform is "
        "built by the Python process that builds the pipeline, which starts the native program by itself.",
    )
    provider.add_argument("--address", help="host:port of a running `beam-tecton expansion-service`")
    given = parser.parse_args()
    if given.address is None:
        print(PYTHON_PROVIDER, end="")
    else:
        print(REMOTE_PROVIDER.format(identifier=IDENTIFIER, address=given.address), end="")


if __name__ == "__main__":
    main()
