"""``flask idp-session sessions …``."""

from __future__ import annotations

import pytest

from idp_session import LogoutReason
from idp_session.testing import START

from .hosts import Host
from .hosts import host_app
from .managing_by_commands import begin
from .managing_by_commands import HOUR
from .managing_by_commands import live
from .managing_by_commands import read
from .managing_by_commands import run


@pytest.fixture
def host() -> Host:
    return host_app()


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

    def test_without_notification(self, host: Host) -> None:
        """The question says that nobody is told, and nobody is."""
        session_id = begin(host, "shop")

        result = run(
            host,
            *("sessions", "end", "--subject", "alice", "--without-notification"),
            answer="y\n",
        )

        assert "End 1 session without telling the clients?" in result.stderr
        assert result.stdout == "1 session ended\n"
        assert host.owed(session_id) == ()
        assert live(host) == 0

    def test_only_for_some_clients(self, host: Host) -> None:
        """The clients that are named leave and are told, and the sessions go on."""
        session_id = begin(host, "shop", "mail", "news")
        begin(host, "shop", subject_id="bob")

        result = run(
            host,
            *("sessions", "end", "--subject", "alice"),
            *("--only-for", "shop", "--only-for", "news"),
            answer="y\n",
        )

        assert "End 1 session for shop, news only and tell the clients?" in (
            result.stderr
        )
        assert result.stdout == "2 times a client left a session\n"
        assert [each.client_id for each in host.owed(session_id)] == ["shop", "news"]
        assert live(host) == 2

    def test_only_for_some_clients_as_json(self, host: Host) -> None:
        """Programs read how many participations ended, and can spare a session."""
        arguments = ("sessions", "end", "--subject", "alice", "--only-for", "shop")
        session_id, spared = begin(host, "shop"), begin(host, "shop")

        left = read(
            host, *arguments, "--except", spared, "--without-notification", "--yes"
        )

        assert left == {"left": 1}
        assert host.owed(session_id) == ()
        assert len(host.state.store.participants(spared)) == 1

    def test_only_for_a_client_is_no_condition(self, host: Host) -> None:
        """Which sessions are meant has to be said, too."""
        begin(host, "shop")

        result = run(host, "sessions", "end", "--only-for", "shop", "--yes")

        assert result.exit_code == 2

    def test_nothing_to_end(self, host: Host) -> None:
        """What is over already is over: that is no failure."""
        result = run(host, "sessions", "end", "--session", "5e55", "--yes")

        assert (result.exit_code, result.stdout) == (0, "0 sessions ended\n")

    def test_an_unknown_reason(self, host: Host) -> None:
        """A reason is one of those that clients may hear of."""
        result = run(host, "sessions", "end", "--subject", "a", "--reason", "whim")

        assert result.exit_code == 2
        assert "password_change" in result.stderr


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
