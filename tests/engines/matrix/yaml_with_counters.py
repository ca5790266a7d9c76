"""Beam's YAML command, `python -m apache_beam.yaml.main`, which then prints the counters of the sink as JSON."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "examples" / "purchases"))

if __name__ == "__main__":
    import json

    import apache_beam as beam
    from apache_beam.yaml.main import build_pipeline_components_from_argv
    from purchases import counters

    # What main.run does, keeping the result.
    options, construct, display_data = build_pipeline_components_from_argv(sys.argv[1:])
    pipeline = beam.Pipeline(options=options, display_data=display_data)
    construct(pipeline)
    result = pipeline.run()
    result.wait_until_finish()
    print(json.dumps(counters(result)))
