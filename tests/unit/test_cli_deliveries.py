"""``flask idp-session deliveries …``, and the deliveries of other commands."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from idp_session import DeliveryState
from idp_session import LogoutReason

from .hosts import Host
from .hosts import host_app
from .managing_by_commands import begin
from .managing_by_commands import eventually
from .managing_by_commands import owe
from .managing_by_commands import read
from .managing_by_commands import refuse
from .managing_by_commands import run


@pytest.fixture
def host() -> Host:
    return host_app()


class TestDeliveriesOfACommand:
    """A command that ends sessions in a process that sends by itself."""

    @pytest.fixture
    def sending_host(self) -> Iterator[Host]:
        host = host_app(config={"IDP_SESSION_DELIVERY_IN_PROCESS": True})
        yield host
        host.sender.open.set()
        host.extension.stop_background_work(host.app, timeout=timedelta(seconds=5))

    @pytest.mark.parametrize(
        "command",
        [
            pytest.param("sessions end --session 5e55 --yes", id="end"),
            pytest.param("deliveries retry 999", id="retry"),
            pytest.param("sweep", id="sweep"),
        ],
    )
    def test_nothing_is_cut_off(self, sending_host: Host, command: str) -> None:
        """When the command is over, no delivery of its process is on its way."""
        sender = sending_host.sender
        sender.open.clear()
        delivery_id = owe(sending_host)
        assert eventually(lambda: bool(sender.sent))
        answer = threading.Timer(0.3, sender.open.set)
        answer.start()

        run(sending_host, *command.split())

        delivery = sending_host.state.deliveries.get(delivery_id)
        answer.join()
        assert delivery is not None
        assert delivery.state is DeliveryState.DELIVERED


class TestListDeliveries:
    """``deliveries list``."""

    def test_columns_are_aligned(self, host: Host) -> None:
        """People read a table, newest first."""
        refuse(host)
        owe(host, "mail")

        lines = run(host, "deliveries", "list").stdout.splitlines()

        assert [line.split()[:5] for line in lines] == [
            ["ID", "CLIENT", "STATE", "ATTEMPTS", "OUTCOME"],
            ["2", "mail", "pending", "0", "-"],
            ["1", "shop", "refused", "1", "400"],
        ]
        assert lines[0].index("STATE") == lines[2].index("refused")

    def test_json(self, host: Host) -> None:
        """Programs read everything, durations in seconds."""
        refuse(host)

        listed = read(host, "deliveries", "list")

        assert listed["next"] is None
        [delivery] = listed["deliveries"]
        assert delivery["state"] == "refused"
        assert delivery["latency"] == 0.0
        assert delivery["created_at"] == "2026-01-01T12:00:00+00:00"

    @pytest.mark.parametrize(
        "arguments",
        [
            pytest.param(["--state", "refused"], id="state"),
            pytest.param(["--client", "shop"], id="client"),
            pytest.param(["--session", "1" * 32], id="session"),
            pytest.param(["--before", "2"], id="before"),
        ],
    )
    def test_conditions_leave_out_others(
        self, host: Host, arguments: list[str]
    ) -> None:
        """Only the deliveries that are asked for come."""
        refused = refuse(host, session_id="1" * 32)
        owe(host, "mail")

        found = read(host, "deliveries", "list", *arguments)

        assert [each["id"] for each in found["deliveries"]] == [refused]

    def test_a_list_leads_on(self, host: Host) -> None:
        """A full list says how it goes on."""
        first, second = owe(host), owe(host)

        listed = read(host, "deliveries", "list", "--limit", "1")
        text = run(host, "deliveries", "list", "--limit", "1").stderr

        assert [each["id"] for each in listed["deliveries"]] == [second]
        assert listed["next"] == second
        assert f"older: --before {second}" in text
        rest = read(host, "deliveries", "list", "--before", str(second))
        assert [each["id"] for each in rest["deliveries"]] == [first]

    def test_an_unknown_state(self, host: Host) -> None:
        """A state is one of those that there are."""
        result = run(host, "deliveries", "list", "--state", "lost")

        assert result.exit_code == 2
        assert "refused" in result.stderr


class TestShowDelivery:
    """``deliveries show``."""

    def test_for_people(self, host: Host) -> None:
        """Everything that is known of it, a line each."""
        lines = run(host, "deliveries", "show", str(refuse(host))).stdout.splitlines()

        assert "client id    shop" in lines
        assert "last status  400" in lines
        assert "created at   2026-01-01 12:00:00Z" in lines
        assert lines[-1].startswith("It was given up at attempt 1, because the client")

    def test_for_programs(self, host: Host) -> None:
        """The same as JSON."""
        delivery_id = refuse(host)

        shown = read(host, "deliveries", "show", str(delivery_id))

        assert (shown["id"], shown["last_status"]) == (delivery_id, 400)
        assert "'flask idp-session deliveries retry 1'" in shown["what_happened"]

    @pytest.mark.parametrize("delivery_id", ["7", str(2**70)])
    def test_an_unknown_delivery(self, host: Host, delivery_id: str) -> None:
        """There is nothing to show, and the exit code says so."""
        result = run(host, "deliveries", "show", delivery_id)

        assert (result.exit_code, result.stdout) == (1, "")
        assert "no such delivery" in result.stderr


class TestRetryDeliveries:
    """``deliveries retry``."""

    def test_what_was_refused(self, host: Host) -> None:
        """It is tried again, and made when the client takes it."""
        delivery_id = refuse(host)
        host.sender.answers.clear()

        result = run(host, "deliveries", "retry", str(delivery_id))
        host.deliver()

        assert (result.exit_code, result.stdout) == (
            0,
            f"{delivery_id} is tried again\n",
        )
        assert (
            read(host, "deliveries", "show", str(delivery_id))["state"] == "delivered"
        )

    def test_what_cannot_be_tried_again(self, host: Host) -> None:
        """The others are tried nevertheless, and the exit code tells."""
        refused, owed = refuse(host), owe(host)

        result = run(
            host, "deliveries", "retry", str(owed), str(refused), str(refused), "--json"
        )

        assert result.exit_code == 1
        assert json.loads(result.stdout) == {
            "retried": [refused],
            "not_retried": [owed],
        }

    def test_without_an_id(self, host: Host) -> None:
        """Nobody has all of them tried again by accident."""
        assert run(host, "deliveries", "retry").exit_code == 2


class TestPurgeDeliveries:
    """``deliveries purge``."""

    @pytest.mark.parametrize(
        ("days", "forgotten"), [("30", 1), ("31", 0)], ids=["old enough", "too new"]
    )
    def test_what_is_over(self, host: Host, days: str, forgotten: int) -> None:
        """What has been over for so long is forgotten; what is owed is kept."""
        refuse(host)
        host.clock.tick(timedelta(days=30, seconds=1))
        owed = owe(host)

        result = read(host, "deliveries", "purge", "--older-than", days)

        assert result == {"forgotten": forgotten}
        assert owed in [
            each["id"] for each in read(host, "deliveries", "list")["deliveries"]
        ]

    def test_without_an_age(self) -> None:
        """Then the setting says how long deliveries are kept."""
        host = host_app(config={"IDP_SESSION_DELIVERY_RETENTION": 60})
        refuse(host)
        host.clock.tick(59)
        too_new = read(host, "deliveries", "purge")
        host.clock.tick(2)

        assert too_new == {"forgotten": 0}
        assert read(host, "deliveries", "purge") == {"forgotten": 1}

    def test_for_people(self, host: Host) -> None:
        """The number is said."""
        result = run(host, "deliveries", "purge")

        assert (result.exit_code, result.stdout) == (0, "0 deliveries forgotten\n")


class TestExtension:
    """The services from the host's code."""

    def test_management(self, host: Host) -> None:
        """All sessions of a subject end by one call."""
        begin(host)

        with host.app.app_context():
            ended = host.extension.management.end_all(
                subject_id="alice", reason=LogoutReason.ADMIN
            )

        assert ended == 1

    def test_deliveries(self, host: Host) -> None:
        """What was refused is found and tried again."""
        delivery_id = refuse(host)

        with host.app.app_context():
            assert host.extension.deliveries.retry(delivery_id)
