"""Writes the flights while the emulator throttles, fails, resets connections and restarts: `./run demo --stormy`.

Ends with an account of every row, and a picture of what the sender did: its limit, requests under way, goodput and
answers with 429 over time (build/demo/storm.png).
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from demo import KEY_VARIABLE, LOGS, NUM_FLIGHTS, SOURCE, Progress, tail
from tecton_emulator import CONFIGS, Emulator

PIPELINE_SECONDS = 300.0
POLL_SECONDS = 0.1
PICTURE = LOGS / "storm.png"
TRACE = LOGS / "storm-trace.csv"
WORKSPACE = "prod"


class Service:
    """The emulator through its restarts: what it counted before them stays counted."""

    def __init__(self) -> None:
        self.log = LOGS / "storm-emulator.log"
        self.emulator = Emulator(CONFIGS / "flights.json", self.log)
        self.port = int(self.emulator.url.rsplit(":", 1)[1])
        self.ended: List[Dict[str, Any]] = []
        self.history: List[Dict[str, Any]] = []

    def counters(self) -> Dict[str, int]:
        return sum_up([*self.ended, self.emulator.counters()])

    def restart(self) -> None:
        """Ends, is away for two seconds, and starts again without its rows."""
        self.remember()
        self.emulator.stop()
        time.sleep(2.0)
        self.emulator = Emulator(CONFIGS / "flights.json", self.log, self.port)

    def remember(self) -> None:
        self.ended.append(self.emulator.counters())
        self.history += self.emulator.history()


class Weather(NamedTuple):
    """What the service is like from some second on."""

    second: float
    name: str
    begin: Callable[[Service], None]


def calm(service: Service) -> None:
    service.emulator.faults()
    service.emulator.traffic(latency={"fixed_ms": 40}, capacity={"max_in_progress": 60})


def throttled(service: Service) -> None:
    service.emulator.traffic(
        latency={"fixed_ms": 40}, capacity={"requests_per_second": 400, "burst": 40, "retry_after": "1"}
    )


def outage(service: Service) -> None:
    calm(service)
    service.emulator.faults({"status": 503, "body": "html", "for_ms": 5000})


def resets(service: Service) -> None:
    calm(service)
    service.emulator.faults({"cut": "after", "probability": 0.05, "times": -1})


def restarted(service: Service) -> None:
    service.restart()
    calm(service)


FORECAST = [
    Weather(0.0, "at most 60 requests at once", calm),
    Weather(6.0, "400 requests a second, Retry-After", throttled),
    Weather(13.0, "an outage of 5 s", outage),
    Weather(20.0, "one connection in twenty is reset after the write", resets),
    Weather(26.0, "restarts, away for 2 s", restarted),
    Weather(32.0, "at most 60 requests at once", calm),
]


def main() -> int:
    LOGS.mkdir(parents=True, exist_ok=True)
    TRACE.unlink(missing_ok=True)
    service = Service()
    try:
        calm(service)
        print(f"{NUM_FLIGHTS:,} flights, on Beam's own runner, to an emulator of Tecton with a storm ahead:")
        metrics, problem = run_pipeline(service)
        service.remember()
    finally:
        service.emulator.stop()
    if metrics is None:
        print(f"\nThe demo FAILED: {problem}")
        return 1
    problems = account(metrics, sum_up(service.ended))
    draw(service)
    for problem in problems:
        print(f"  {problem}")
    print("\nThe demo FAILED." if problems else "\nEvery row is accounted for.")
    return 1 if problems else 0


def sum_up(ended: List[Dict[str, Any]]) -> Dict[str, int]:
    totals = {name: sum(one[name] for one in ended) for name in ("requests", "records_written")}
    for one in ended:
        for status, count in one["responses"].items():
            totals[status] = totals.get(status, 0) + count
    return totals


def run_pipeline(service: Service) -> Tuple[Optional[Dict[str, int]], str]:
    """The runner's metrics, or None and what went wrong."""
    log, report = LOGS / "storm.log", LOGS / "storm.json"
    report.unlink(missing_ok=True)
    command = [
        sys.executable,
        str(Path(__file__).with_name("run_flights.py")),
        f"--report={report}",
        f"--pipeline_proto={LOGS / 'storm.pb'}",
        f"--endpoint_url={service.emulator.endpoint}",
        f"--workspace_name={workspace_of(service.emulator)}",
        f"--stream_source_name={SOURCE}",
        f"--api_key=env:{KEY_VARIABLE}",
        "--max_retries=20",  # Beam's own runner runs a bundle once: what fails once more must not be the end
    ]
    environment = {
        **os.environ,
        KEY_VARIABLE: service.emulator.key_with_role("editor"),
        "BEAM_TECTON_TRACE": str(TRACE),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
        try:
            in_time = weather(process, service)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if not in_time:
        return None, f"the pipeline took longer than {PIPELINE_SECONDS:g} s and was ended. See {log}"
    if process.returncode != 0 or not report.is_file():
        return None, f"the pipeline failed (exit code {process.returncode}); the end of {log}:\n{tail(log)}"
    return json.loads(report.read_text())["metrics"], ""


def workspace_of(emulator: Emulator) -> str:
    views = emulator.config["feature_views"].values()
    return next(view["workspace"] for view in views if view["source"] == SOURCE)


def weather(process: subprocess.Popen, service: Service) -> bool:
    """Lets the forecast happen, from the first request on, until the process ends; false when that takes too long."""
    started = time.monotonic()
    first_request = None
    ahead = list(FORECAST)
    progress = Progress()
    while process.poll() is None:
        now = time.monotonic()
        if now - started > PIPELINE_SECONDS:
            progress.end()
            return False
        counters = service.counters()
        if first_request is None and counters["requests"] > 0:
            first_request = now
        if first_request is not None and ahead and now - first_request >= ahead[0].second:
            progress.end()
            print(f"  {now - first_request:5.1f} s  {ahead[0].name}", flush=True)
            ahead.pop(0).begin(service)
        progress.show(f"{counters['records_written']:,} records stored, {counters.get('429', 0):,} answers with 429")
        time.sleep(POLL_SECONDS)
    progress.end()
    return True


def account(metrics: Dict[str, int], totals: Dict[str, int]) -> List[str]:
    """Prints where every row went; what does not add up, in words."""
    written = metrics.get("records_written", 0)
    twice = totals["records_written"] - written
    possibly = metrics.get("records_possibly_duplicated", 0)
    lines = [
        ("rows read", metrics.get("rows_read", 0)),
        ("records_written: acknowledged", written),
        ("records_failed", metrics.get("records_failed", 0)),
        ("records the emulator stored", totals["records_written"]),
        ("  of these again, after a lost answer", twice),
        ("  records_possibly_duplicated, as we know it", possibly),
        ("write_requests", metrics.get("write_requests", 0)),
        ("  request_retries", metrics.get("request_retries", 0)),
        ("  answered with 429", totals.get("429", 0)),
        ("  answered with 503", totals.get("503", 0)),
        ("throttling-msecs", metrics.get("throttling-msecs", 0)),
    ]
    width = max(len(label) for label, _ in lines)
    print()
    for label, value in lines:
        print(f"  {label:<{width}}  {value:>12,}")
    wanted = [
        ("rows read", metrics.get("rows_read"), NUM_FLIGHTS),
        ("records_written", written, NUM_FLIGHTS),
        ("records_failed", metrics.get("records_failed", 0), 0),
    ]
    problems = [f"{what}: {found} instead of {right}" for what, found, right in wanted if found != right]
    if twice < 0:
        problems.append(f"{-twice} records were acknowledged and are not stored")
    if twice > possibly:
        problems.append(f"{twice} records were stored twice, and only {possibly} are known to be possible duplicates")
    for status in ("429", "503"):
        if totals.get(status, 0) == 0:
            problems.append(f"there was no answer with {status}: the storm did not take place")
    return problems


# --- The picture -----------------------------------------------------------------------------------------------------


def draw(service: Service) -> None:
    """Draws limit, requests under way, goodput and 429s over the seconds since the first request."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    steps = [step for step in service.history if step["arrivals"] or step["answers"] or step["max_in_flight"]]
    if not steps:
        return
    # The emulator's clock is monotonic, the trace's the wall's: both are read now.
    wall_ms, monotonic_ms = time.time() * 1000, time.monotonic() * 1000
    start = steps[0]["at_ms"]
    lines = [line.split(",") for line in TRACE.read_text().splitlines()]
    traced = [
        ((float(line[0]) - wall_ms + monotonic_ms - start) / 1000, int(line[2]), int(line[3]))
        for line in lines
        if line[1] == f"http://127.0.0.1:{service.port}/ingest"
    ]
    figure, (upper, lower) = pyplot.subplots(2, 1, sharex=True, figsize=(12, 7))
    upper.plot([t for t, _, _ in traced], [limit for _, limit, _ in traced], label="limit, learned", color="tab:blue")
    upper.plot(
        [t for t, _, _ in traced],
        [under_way for _, _, under_way in traced],
        label="requests under way",
        color="tab:gray",
    )
    upper.set_ylabel("requests")
    seconds = [(step["at_ms"] - start) / 1000 for step in service.history]
    lower.plot(
        seconds,
        [step["records_written"] * 10 for step in service.history],
        label="goodput, records/s",
        color="tab:green",
    )
    lower.set_ylabel("records a second")
    refused = lower.twinx()
    refused.plot(
        seconds,
        [step["answers"].get("429", 0) * 10 for step in service.history],
        label="answers with 429 a second",
        color="tab:red",
        linewidth=0.8,
    )
    refused.set_ylabel("429s a second")
    for weather_change in FORECAST:
        for axes in (upper, lower):
            axes.axvline(weather_change.second, color="black", linestyle=":", linewidth=0.8)
        upper.text(weather_change.second, 1, f" {weather_change.name}", fontsize=7, rotation=90, va="bottom")
    lower.set_xlabel("seconds since the first request")
    upper.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    handles = [*lower.get_legend_handles_labels()[0], *refused.get_legend_handles_labels()[0]]
    lower.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=110)
    print(f"\n  The picture: {PICTURE}")
