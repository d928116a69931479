"""``flask idp-session sessions …`` and ``flask idp-session deliveries …``."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from click.testing import Result

from idp_session import DeliveryState
from idp_session import LogoutReason
from idp_session import SessionFilter
from idp_session.models import SendResult
from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing import START

from .hosts import Host
from .hosts import host_app

HOUR = timedelta(hours=1)


@pytest.fixture
def host() -> Host:
    return host_app()


def run(host: Host, *arguments: str, answer: str | None = None) -> Result:
    return host.app.test_cli_runner().invoke(
        args=["idp-session", *arguments], input=answer
    )


def read(host: Host, *arguments: str) -> Any:
    """What a command prints as JSON, when it succeeds."""
    result = run(host, *arguments, "--json")
    assert result.exit_code == 0, result.output

    return json.loads(result.stdout)


def begin(host: Host, *client_ids: str, **members: Any) -> str:
    session = make_session(**members)
    host.state.store.create(session)

    for client_id in client_ids:
        host.state.store.add_participant(
            make_participant(session.session_id, client_id=client_id)
        )

    return session.session_id


def owe(host: Host, client_id: str = "shop") -> int:
    """The id of a delivery that is owed."""
    session_id = begin(host, client_id)
    host.state.ending.end(session_id, reason=LogoutReason.USER)

    return host.owed(session_id)[0].id


def refuse(host: Host, client_id: str = "shop") -> int:
    """The id of a delivery that the client has refused."""
    delivery_id = owe(host, client_id)
    host.sender.answers[f"https://{client_id}.test/back"] = SendResult(status=400)
    host.deliver()

    return delivery_id


def eventually(is_true: Callable[[], bool]) -> bool:
    """Whether something becomes true within some seconds."""
    until = time.monotonic() + 10

    while not is_true() and time.monotonic() < until:
        time.sleep(0.01)

    return is_true()


def live(host: Host) -> int:
    return host.state.store.count(SessionFilter(), at_most=99)


class TestListSessions:
    """``sessions list``."""

    def test_columns_are_aligned(self, host: Host) -> None:
        """People read a table; instants are in UTC."""
        begin(host, session_id="1" * 32, display_name="Alice Adams")
        begin(host, session_id="2" * 32, subject_id="b", created_at=START + HOUR)

        result = run(host, "sessions", "list")

        assert result.exit_code == 0
        assert result.stdout.splitlines() == [
            "SESSION                           SUBJECT  NAME         "
            "BEGAN                 LAST RENEWED          ENDS",
            f"{'2' * 32}  b        -            "
            "2026-01-01 13:00:00Z  2026-01-01 12:00:00Z  2026-01-01 14:00:00Z",
            f"{'1' * 32}  alice    Alice Adams  "
            "2026-01-01 12:00:00Z  2026-01-01 12:00:00Z  2026-01-01 14:00:00Z",
        ]
        assert result.stderr.strip() == "2 sessions"

    def test_json_has_everything_but_secrets(self, host: Host) -> None:
        """Programs read JSON; neither key nor ticket is in it."""
        session_id = begin(host, display_name="Älice\n", user_agent="browser")

        assert read(host, "sessions", "list") == {
            "sessions": [
                {
                    "session_id": session_id,
                    "subject_id": "alice",
                    "display_name": "Älice\n",
                    "created_at": "2026-01-01T12:00:00+00:00",
                    "authenticated_at": "2026-01-01T12:00:00+00:00",
                    "renewed_at": "2026-01-01T12:00:00+00:00",
                    "expires_at": "2026-01-01T14:00:00+00:00",
                    "absolute_expires_at": "2026-01-02T00:00:00+00:00",
                    "ip_address": None,
                    "user_agent": "browser",
                }
            ],
            "next": None,
            "previous": None,
            "estimate": 1,
            "estimate_is_lower_bound": False,
        }

    @pytest.mark.parametrize(
        "arguments",
        [
            pytest.param(["--subject", "alice"], id="subject"),
            pytest.param(["--session", "5e55"], id="session"),
            pytest.param(["--client", "shop"], id="client"),
            pytest.param(["--name", "Al"], id="name"),
            pytest.param(["--created-after", "2026-01-01T12:00"], id="after"),
            pytest.param(["--created-before", "2026-01-01T14:01+02:00"], id="before"),
            pytest.param(
                ["--created-after", "2026-01-01", "--created-before", "2026-01-02"],
                id="a day",
            ),
        ],
    )
    def test_conditions_leave_out_others(
        self, host: Host, arguments: list[str]
    ) -> None:
        """Only the sessions that are asked for come."""
        begin(host, "shop", session_id="5e55", display_name="Alice")
        begin(
            host,
            subject_id="bob",
            created_at=START + 24 * HOUR
            if "--created-before" in arguments
            else START - HOUR,
        )

        found = read(host, "sessions", "list", *arguments)

        assert [each["session_id"] for each in found["sessions"]] == ["5e55"]

    def test_cursors_lead_on_and_back(self, host: Host) -> None:
        """What a list says at its end leads to the rest, and back again."""
        begin(host, session_id="1")
        begin(host, session_id="2")

        first = read(host, "sessions", "list", "--limit", "1")
        second = read(
            host, "sessions", "list", "--limit", "1", "--cursor", first["next"]
        )
        text = run(host, "sessions", "list", "--limit", "1").stderr

        assert [each["session_id"] for each in second["sessions"]] == ["1"]
        assert f"older: --cursor {first['next']}" in text
        assert second["next"] is None
        back = run(host, "sessions", "list", "--cursor", second["previous"])
        assert back.stdout.splitlines()[1].startswith("2 ")

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            pytest.param(["--cursor", "nonsense"], "not the cursor", id="cursor"),
            pytest.param(["--limit", "0"], "1<=x<=1000", id="limit"),
            pytest.param(
                ["--created-after", "yesterday"], "2026-01-31T12:00:00+01:00", id="time"
            ),
            pytest.param(["--colour", "red"], "--colour", id="unknown option"),
        ],
    )
    def test_wrong_usage_is_explained(
        self, host: Host, arguments: list[str], words: str
    ) -> None:
        """A wrong value is code 2, and says what would be right."""
        result = run(host, "sessions", "list", *arguments)

        assert result.exit_code == 2
        assert words in result.stderr

    @pytest.mark.parametrize(
        "name",
        [
            pytest.param("\x1b[2J\x1b]0;owned\x07", id="escape sequence"),
            pytest.param("Alice\n9999  root", id="another line"),
            pytest.param("\u202eecilA", id="other direction"),
            pytest.param("\x9b31m", id="one-byte sequence"),
        ],
    )
    @pytest.mark.parametrize("command", [["list"], ["show", "5e55"]])
    def test_names_give_no_orders_to_a_terminal(
        self, host: Host, name: str, command: list[str]
    ) -> None:
        """What would move the cursor or hide something is written out."""
        begin(host, session_id="5e55", display_name=name)

        result = run(host, "sessions", *command)

        assert result.exit_code == 0
        assert name not in result.stdout
        assert name.encode("unicode_escape").decode() in result.stdout
        assert {c for c in result.stdout if not c.isprintable()} == {"\n"}

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("%", id="wildcard"),
            pytest.param("alice' OR '1'='1", id="a piece of SQL"),
            pytest.param("alice\udcff", id="half a character"),
            pytest.param("a" * 100_000, id="very long"),
        ],
    )
    def test_strange_conditions_find_nothing(self, host: Host, text: str) -> None:
        """Whatever is typed is looked for as it is."""
        begin(host, display_name="alice")

        assert read(host, "sessions", "list", "--subject", text)["sessions"] == []
        assert read(host, "sessions", "list", "--name", text)["sessions"] == []


class TestShowSession:
    """``sessions show``."""

    def test_for_people(self, host: Host) -> None:
        """A session and its clients, one line each."""
        begin(host, "shop", session_id="5e55")

        lines = run(host, "sessions", "show", "5e55").stdout.splitlines()

        assert lines[:4] == [
            "session id           5e55",
            "subject id           alice",
            "display name         -",
            "created at           2026-01-01 12:00:00Z",
        ]
        assert lines[-2:] == [
            "CLIENT  JOINED                SUBJECT  ISSUER",
            "shop    2026-01-01 12:00:00Z  alice    https://idp.test",
        ]

    def test_for_programs(self, host: Host) -> None:
        """The same as JSON, with the participants and without secrets."""
        begin(host, "shop", session_id="5e55")

        shown = read(host, "sessions", "show", "5e55")

        assert shown["subject_id"] == "alice"
        assert [each["client_id"] for each in shown["participants"]] == ["shop"]
        assert {"key", "ticket"} & shown.keys() == set()

    def test_an_unknown_session(self, host: Host) -> None:
        """There is nothing to show, and the exit code says so."""
        result = run(host, "sessions", "show", "5e55")

        assert (result.exit_code, result.stdout) == (1, "")
        assert "no such session" in result.stderr


class TestEndSessions:
    """``sessions end``."""

    def test_without_a_condition_nothing_ends(self, host: Host) -> None:
        """Nobody ends all sessions by accident, not even with --yes."""
        begin(host)

        result = run(host, "sessions", "end", "--yes")

        assert result.exit_code == 2
        assert "--subject" in result.stderr
        assert live(host) == 1

    def test_an_empty_name_is_no_condition(self, host: Host) -> None:
        """A shell variable that is not set must not end everything."""
        begin(host)

        result = run(host, "sessions", "end", "--name", "", "--yes")

        assert result.exit_code == 2
        assert live(host) == 1

    def test_it_asks_first(self, host: Host) -> None:
        """Whoever says yes to the number has them ended, and the clients told."""
        session_id = begin(host, "shop")
        begin(host)
        begin(host, subject_id="bob")

        result = run(host, "sessions", "end", "--subject", "alice", answer="y\n")

        assert result.exit_code == 0
        assert "End 2 sessions" in result.stderr
        assert result.stdout == "2 sessions ended\n"
        assert live(host) == 1
        assert {each.reason for each in host.owed(session_id)} == {LogoutReason.ADMIN}

    @pytest.mark.parametrize(
        "answer", [pytest.param("n\n", id="no"), pytest.param(None, id="nobody there")]
    )
    def test_without_a_yes_nothing_ends(self, host: Host, answer: str | None) -> None:
        """Whoever says no, or nothing at all, ends nothing."""
        begin(host)

        result = run(host, "sessions", "end", "--subject", "alice", answer=answer)

        assert result.exit_code == 1
        assert live(host) == 1

    def test_for_programs(self, host: Host) -> None:
        """With --yes nothing is asked, and the answer is JSON alone."""
        session_id = begin(host, "shop")
        kept = begin(host)

        ended = read(
            host,
            "sessions",
            "end",
            "--subject",
            "alice",
            "--except",
            kept,
            "--reason",
            "password_change",
            "--yes",
        )

        assert ended == {"ended": 1}
        assert host.state.store.find(kept) is not None
        assert host.owed(session_id)[0].reason is LogoutReason.PASSWORD_CHANGE

    def test_nothing_to_end(self, host: Host) -> None:
        """What is over already is over: that is no failure."""
        result = run(host, "sessions", "end", "--session", "5e55", "--yes")

        assert (result.exit_code, result.stdout) == (0, "0 sessions ended\n")

    def test_an_unknown_reason(self, host: Host) -> None:
        """A reason is one of those that clients may hear of."""
        result = run(host, "sessions", "end", "--subject", "a", "--reason", "whim")

        assert result.exit_code == 2
        assert "password_change" in result.stderr


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
            pytest.param(["--before", "2"], id="before"),
        ],
    )
    def test_conditions_leave_out_others(
        self, host: Host, arguments: list[str]
    ) -> None:
        """Only the deliveries that are asked for come."""
        refused = refuse(host)
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

    def test_for_programs(self, host: Host) -> None:
        """The same as JSON."""
        delivery_id = refuse(host)

        shown = read(host, "deliveries", "show", str(delivery_id))

        assert (shown["id"], shown["last_status"]) == (delivery_id, 400)

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


class TestAttributes:
    """``--attribute`` and ``--anonymous``."""

    def test_sessions_are_found_and_ended(self, host: Host) -> None:
        """Those that have the attribute, and no others."""
        session_id, _ = begin(host), begin(host)
        host.state.store.set_attribute(session_id, "tenant", "a=b")

        found = read(host, "sessions", "list", "--attribute", "tenant=a=b")
        ended = read(host, "sessions", "end", "--attribute", "tenant=a=b", "--yes")

        assert [each["session_id"] for each in found["sessions"]] == [session_id]
        assert ended == {"ended": 1}
        assert live(host) == 1

    def test_anonymous_sessions(self, host: Host) -> None:
        """They are listed only if they are asked for."""
        begin(host)
        session_id = begin(host, subject_id=None)

        found = read(host, "sessions", "list", "--anonymous")

        assert [each["session_id"] for each in found["sessions"]] == [session_id]
        assert live(host) == 1

    def test_without_a_value(self, host: Host) -> None:
        """An attribute has a name and a value."""
        result = run(host, "sessions", "list", "--attribute", "tenant")

        assert result.exit_code == 2
        assert "write it like tenant=acme" in result.stderr
