"""What the example pipelines send, as the emulator must hold it afterwards."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List

START = datetime(2023, 11, 14, 22, 13, 20, 250_000, tzinfo=timezone.utc)  # second 1,700,000,000 and a quarter


def purchase(n: int, no_negative_int32: bool = False) -> Dict[str, Any]:
    """The nth purchase of each caller's example, read back: whole numbers come as text."""
    time = (START + timedelta(seconds=n)).isoformat(timespec="milliseconds")
    return {
        "user_id": f"user-{n}",
        "amount": None if n % 3 == 0 else n + 0.5,
        "items": str(-n if n % 4 == 0 else n),
        "small": str(n if no_negative_int32 else -n),
        "paid": n % 2 == 0,
        "tags": ["a", "b"],
        "labels": {"channel": "web"},
        "shop": {"city": "Köln", "lat": 50.9375},
        "event_time": time.replace("+00:00", "Z"),
    }


def differences(stored: List[Dict[str, Any]], expected: List[Dict[str, Any]]) -> List[str]:
    """Each field that is not as it was sent, and each row too few or too many."""
    by_user = {row["user_id"]: row for row in stored}
    found: List[str] = []
    for row in expected:
        user = row["user_id"]
        got = by_user.pop(user, None)
        if got is None:
            found.append(f"{user} is not stored")
            continue
        for name in sorted(row.keys() | got.keys()):
            # True == 1 in Python, so types are compared too.
            if repr(got.get(name, "nothing")) != repr(row.get(name, "nothing")):
                found.append(f"{user}: {name} was sent as {row.get(name)!r} and is stored as {got.get(name)!r}")
    found += [f"{user} is stored and was not sent" for user in by_user]
    return found
