"""The alerts of in-production.md fire when they should, and not when all is well."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from .deployed import ROOT
from .prometheus import promtool

pytestmark = pytest.mark.process

_GUIDE = (ROOT / "docs" / "guides" / "in-production.md").read_text()
[RULES] = [
    block
    for block in re.findall(r"^```yaml\n(.*?)^```$", _GUIDE, re.M | re.S)
    if "alert:" in block
]

_AGE = 'idp_session_deliveries_oldest_pending_age_seconds{idp_session_issuer="https://idp.test"}'
_PENDING = 'idp_session_deliveries_pending{idp_session_issuer="https://idp.test"}'
_STARTED = "idp_session_sessions_started_total"
_ENDED = 'idp_session_sessions_ended_total{idp_session_reason="admin"}'
_ATTEMPTS = "idp_session_delivery_attempt_duration_seconds_count"


def _bucket(seconds: str) -> str:
    return (
        f'idp_session_delivery_attempt_duration_seconds_bucket{{le="{seconds}",'
        'idp_session_delivery_state="delivered"}'
    )


def _deliveries(state: str) -> str:
    return f'idp_session_deliveries_total{{idp_session_delivery_state="{state}"}}'


# Values are those of promtool: "0+1x60" is 0, 1, 2 … 60, one a minute.
_FIRES = [
    pytest.param("LogoutsWait", {_AGE: "0+60x30"}, 20, id="a client is down"),
    pytest.param("LogoutsPileUp", {_PENDING: "1001x30"}, 15, id="too much"),
    pytest.param(
        "NobodySends",
        {_ENDED: "0+1x60", _PENDING: "0+1x60", _ATTEMPTS: "9x60"},
        40,
        id="no more attempts",
    ),
    pytest.param(
        "NobodySends",
        {_ENDED: "0+1x60", _PENDING: "0+1x60"},
        40,
        id="no attempt ever",
    ),
    pytest.param(
        "ClientsAreSlow",
        {_bucket("5.0"): "0x60", _bucket("10.0"): "0+9x60", _bucket("+Inf"): "0+9x60"},
        40,
        id="slow clients",
    ),
    pytest.param("LogoutsRefused", {_deliveries("refused"): "0x9 7x60"}, 20, id="some"),
    pytest.param(
        "LogoutsFailed", {_deliveries("failed"): "0x9 1x60"}, 20, id="the first"
    ),
    pytest.param("LogoutsGivenUp", {_deliveries("expired"): "0x9 1x60"}, 20, id="one"),
    pytest.param("NobodySignsIn", {_STARTED: "0+1x60 61x90"}, 140, id="silence"),
    pytest.param(
        "SessionsEndInNumbers", {_ENDED: "0x9 400x60"}, 15, id="the first day"
    ),
    pytest.param(
        "SessionsEndInNumbers",
        {_ENDED: "0x1449 400x60"},
        1455,
        id="none of them yesterday",
    ),
    pytest.param("NothingIsReported", {}, 15, id="nobody there"),
]

#: What is usual.
_WELL = {
    _AGE: "0+60x9 0x1500",
    _PENDING: "1x9 0x1500",
    _STARTED: "0+9x1500",
    # Four times as many as at the same time of the day before.
    _ENDED: "0x9 90x1439 450x60",
    _ATTEMPTS: "0+1x1500",
    _bucket("1.0"): "0+9x1500",
    _bucket("+Inf"): "0+9x1500",
    _deliveries("delivered"): "0+9x1500",
    _deliveries("refused"): "0x9 4x1500",
    _deliveries("failed"): "0x1500",
    _deliveries("expired"): "0x1500",
}

_OF_ISSUER = {"idp_session_issuer": "https://idp.test"}
#: What an alert says beside its name.
_LABELS = {
    "LogoutsWait": _OF_ISSUER,
    "LogoutsPileUp": _OF_ISSUER,
    "SessionsEndInNumbers": {"idp_session_reason": "admin"},
}


def _check(
    folder: Path, series: dict[str, str], expected: list[dict[str, Any]]
) -> None:
    """Have promtool see which alerts fire while these series go on."""
    (folder / "rules.yml").write_text(RULES)
    given = [{"series": name, "values": values} for name, values in series.items()]
    test = {"interval": "1m", "input_series": given, "alert_rule_test": expected}
    (folder / "tests.yml").write_text(
        yaml.safe_dump({"rule_files": ["rules.yml"], "tests": [test]})
    )

    promtool("test", "rules", "tests.yml", cwd=folder)


@pytest.mark.parametrize(("alert", "series", "minutes"), _FIRES)
def test_it_fires(
    tmp_path: Path, alert: str, series: dict[str, str], minutes: int
) -> None:
    """What an alert is for is noticed."""
    fired = {"exp_labels": _LABELS.get(alert, {})}
    expected = {"eval_time": f"{minutes}m", "alertname": alert, "exp_alerts": [fired]}

    _check(tmp_path, series, [expected])


@pytest.mark.parametrize("minutes", [8, 20, 45, 120, 1455])
def test_all_is_well(tmp_path: Path, minutes: int) -> None:
    """On an ordinary day nobody is woken."""
    alerts = re.findall(r"alert: (\w+)", RULES)
    expected = [
        {"eval_time": f"{minutes}m", "alertname": alert, "exp_alerts": []}
        for alert in alerts
    ]

    _check(tmp_path, _WELL, expected)


def test_every_alert_is_tried() -> None:
    """No alert is without a case in which it fires."""
    assert {case.values[0] for case in _FIRES} == set(
        re.findall(r"alert: (\w+)", RULES)
    )
