"""Starts the emulator of Tecton and talks to it."""

import json
import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, Optional, Type

ROOT = Path(__file__).resolve().parents[2]
BINARY = ROOT / "bazel-bin" / "tests" / "emulator" / "beam-tecton-emulator"
CONFIGS = ROOT / "tests" / "emulator" / "configs"

STOP_SECONDS = 5.0
CALL_SECONDS = 10.0

# Everything stays on this machine, whatever proxy the environment names.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Emulator:
    """One running emulator. Ends with `stop`, as a context, or when this process dies.

    Args:
      config: its configuration file, which also says what keys, workspaces and stream sources there are.
      log: file that gets what it writes to standard error.
      port: where it listens; 0 for a free one.
      journal: file that gets a line for each row it writes, also when it is killed.
    """

    def __init__(self, config: Path, log: Path, port: int = 0, journal: Optional[Path] = None) -> None:
        if not BINARY.is_file():
            raise FileNotFoundError(f"{BINARY} is not built. Run: bazel build //tests/emulator:beam-tecton-emulator")
        self.config: Dict[str, Any] = json.loads(config.read_text())
        self.journal = journal
        log.parent.mkdir(parents=True, exist_ok=True)
        command = [str(BINARY), "--config", str(config), "--port", str(port), "--exit-with-stdin"]
        command += [] if journal is None else ["--journal", str(journal)]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                start_new_session=True,  # Ctrl-C goes to this process, which ends it
                text=True,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        match = re.match(r"listening on (https?://\S+)", line)
        if match is None:
            self.stop()
            raise RuntimeError(f"The emulator did not start; the end of {log}:\n{log.read_text()[-2000:]}")
        self.url = match.group(1)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def endpoint(self) -> str:
        """The ingest endpoint, for the option endpoint_url."""
        return f"{self.url}/ingest"

    def counters(self) -> Dict[str, Any]:
        return self._call("GET", "/__emulator/counters")

    def requests(self, last: int = 10000) -> List[Dict[str, Any]]:
        """The ingest requests it saw, newest last."""
        return self._call("GET", f"/__emulator/requests?last={last}")

    def rows(self, view: str, limit: int = 1000) -> Any:
        """What a feature view has stored."""
        return self._call("GET", f"/__emulator/rows?view={view}&limit={limit}")

    def faults(self, *faults: Dict[str, Any]) -> None:
        """Replaces the script of faults that the next ingest requests meet."""
        self._call("POST", "/__emulator/faults", {"faults": list(faults)})

    def traffic(self, **model: Any) -> None:
        """Replaces the traffic model: latency and capacity."""
        self._call("POST", "/__emulator/traffic", model)

    def history(self, last: int = 18000) -> List[Dict[str, Any]]:
        """What happened in each tenth of a second, oldest first."""
        return self._call("GET", f"/__emulator/history?last={last}")

    def reset(self) -> None:
        """Forgets what it stored and counted, and its faults."""
        self._call("POST", "/__emulator/reset")

    def key_with_role(self, role: str) -> str:
        """An API key of the configuration that has this role in some workspace."""
        for key, rights in self.config["api_keys"].items():
            if role in rights["roles"].values():
                return key
        raise LookupError(f"no key with the role {role}")

    def features(self, view: str, join_keys: Dict[str, Any]) -> Dict[str, Any]:
        """The stored features of one entity by column, read as an application would: through get-features."""
        parameters = {
            "workspace_name": self.config["feature_views"][view]["workspace"],
            "feature_view_name": view,
            "join_key_map": join_keys,
        }
        answer = self._call(
            "POST",
            "/api/v1/feature-service/get-features",
            {"params": parameters},
            {"Authorization": f"Tecton-key {self.key_with_role('editor')}"},
        )
        names = [feature["name"].split(".", 1)[1] for feature in answer["metadata"]["features"]]
        return dict(zip(names, answer["result"]["features"], strict=True))

    def stop(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> "Emulator":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.stop()

    def _call(self, method: str, path: str, body: Any = None, headers: Optional[Dict[str, str]] = None) -> Any:
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **(headers or {})},
        )
        try:
            with _OPENER.open(request, timeout=CALL_SECONDS) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read(500)!r}") from error
        return json.loads(text) if text.strip() else None
