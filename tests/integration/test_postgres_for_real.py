"""The nouns of PostgreSQL against a real server: swept, and with names and values that nobody likes."""

from __future__ import annotations

import csv
import io
import json
import os
import pwd
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saltern.engine.call import call
from saltern.engine.runner import Wishes
from saltern.engine.site import Site
from saltern.engine.states import look, perform
from saltern.library.postgres import passwords
from saltern.library.postgres.connection import Access, do, rows
from saltern.library.postgres.quoting import LONGEST, identifier, literal
from saltern.sdk import CommandFailed
from saltern.sdk.local import LocalHost
from saltern.testing.postgresql import PostgreSQL, binaries
from saltern.testing.sls import MemoryTree

pytestmark = pytest.mark.integration

NAMES = ['quo\'te"" --', "new\nline\\! id", "-ünï→;$$ :x"]
PASSWORDS = [
    "plain",
    "quo'te\\",
    "пароль",
    "\u00aa\u2168",
    "a\u00adb",
    "\u0627\u0031",
    "x\u0007",
    "ｆｕｌｌ",
    "new\nline",
]

SHARED = ("pg_authid", "pg_auth_members", "pg_tablespace", "pg_db_role_setting")
OWN = (
    "SELECT md5(array_agg(row(datname, datdba, dattablespace, datacl) ORDER BY oid)::text) FROM pg_database"
    " UNION ALL SELECT md5(array_agg(row(relname, relowner, relacl) ORDER BY oid)::text) FROM pg_class"
    " UNION ALL SELECT md5(array_agg(row(proname, proowner, proacl) ORDER BY oid)::text) FROM pg_proc"
    " UNION ALL SELECT md5(array_agg(row(n.*) ORDER BY oid)::text) FROM pg_namespace n"
    " UNION ALL SELECT md5(array_agg(row(e.*) ORDER BY oid)::text) FROM pg_extension e"
    " UNION ALL SELECT md5(array_agg(row(l.*) ORDER BY oid)::text) FROM pg_language l"
)


class Server:
    """The server, and this machine as the nouns see it."""

    def __init__(self, server: PostgreSQL) -> None:
        self.socket = parse_qs(urlsplit(server.address()).query)["host"][0]
        account = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self.access = Access(host=self.socket, user="saltern", runas=account)
        self.host = LocalHost(grains=lambda: {"id": "x"})
        opts = {"id": "x", "postgres.host": self.socket, "postgres.user": "saltern"}
        self.site = Site(self.host, MemoryTree({"base": {}}), opts=opts)
        self.host.supply = self.site.supply

    def states(self, states: list[tuple[str, dict[str, Any]]], *, dry: bool = False) -> list[dict[str, Any]]:
        """Run states in their order."""
        high = {
            f"s{order}": {fun: [given, {"order": order}, {"user": self.access.runas}]}
            for order, (fun, given) in enumerate(states, 1)
        }
        compiled, wishes = self.site.compile_data(high, "a test"), Wishes(test=dry)
        run = (
            look(self.site, compiled, wishes) if dry else perform(self.site, compiled, wishes, what="a test")
        )
        return list(run.values())

    def sweep(self, *states: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
        """Look, which changes nothing; run, which changes each; run again, which finds nothing to do."""
        before = self.dump()
        for one in self.states(list(states), dry=True):
            assert one["result"] is None, one
        assert self.dump() == before
        done = self.states(list(states))
        for one in done:
            assert one["result"] is True, one
            assert one["changes"], one
        for one in self.states(list(states)):
            assert (one["result"], one["changes"]) == (True, {}), one
        return done

    def dump(self) -> list[Any]:
        """Return what the catalogues of all databases say."""
        databases = [
            one["datname"] for one in self.rows("SELECT datname FROM pg_database WHERE datallowconn")
        ]
        shared = [self.rows(f"TABLE {catalogue}") for catalogue in SHARED]
        return [shared, *(self.rows(OWN, one) for one in sorted(databases))]

    def call(self, fun: str, *args: Any, **kwargs: Any) -> Any:
        """Call a function; return its result, or the kind of its error."""
        done = call(self.host, fun, args, kwargs | {"runas": self.access.runas})
        return done.error.kind if done.error else json.loads(done.data)

    def rows(self, query: str, database: str = "") -> list[dict[str, Any]]:
        """Return what a query finds."""
        return rows(self.host, self.access, query, database)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL's server is not installed: apt-get install postgresql")
    with PostgreSQL(programs) as running:
        yield Server(running)


def test_a_database_with_all_it_needs(server: Server) -> None:
    server.sweep(
        ("postgres_group.present", {"name": "readers"}),
        (
            "postgres_user.present",
            {"name": "app", "password": "s3cret", "createdb": True, "groups": "readers"},
        ),
        (
            "postgres_user.present",
            {"name": "old", "password": "p", "encrypted": "md5", "valid_until": "2031-01-01"},
        ),
        (
            "postgres_database.present",
            {"name": "app", "owner": "app", "encoding": "utf-8", "template": "template0"},
        ),
        ("postgres_schema.present", {"name": "audit", "dbname": "app", "owner": "app"}),
        ("postgres_extension.present", {"name": "hstore", "maintenance_db": "app", "schema": "audit"}),
        ("postgres_privileges.present", {"name": "readers", "object_name": "app", "object_type": "database"}),
        (
            "postgres_privileges.present",
            {
                "name": "readers",
                "object_name": "audit",
                "object_type": "schema",
                "privileges": ["usage"],
                "grant_option": True,
                "maintenance_db": "app",
            },
        ),
        ("postgres_privileges.present", {"name": "old", "object_name": "readers", "object_type": "group"}),
    )
    assert server.call("postgres.user_list")["app"]["groups"] == ["readers"]
    assert server.call("postgres.db_list")["app"]["Owner"] == "app"
    assert server.call("postgres.schema_get", "app", "audit")["owner"] == "app"
    assert server.call("postgres.is_installed_extension", "hstore", maintenance_db="app") is True
    assert server.call("postgres.group_create", "more") is True
    server.sweep(
        (
            "postgres_user.present",
            {"name": "app", "password": "another", "createdb": False, "superuser": True},
        ),
        ("postgres_user.present", {"name": "old", "valid_until": "infinity", "login": False}),
        ("postgres_group.present", {"name": "readers", "createroles": True, "groups": ["more"]}),
        ("postgres_schema.present", {"name": "audit", "dbname": "app", "owner": "saltern"}),
        ("postgres_extension.present", {"name": "hstore", "maintenance_db": "app", "schema": "public"}),
    )
    server.sweep(
        ("postgres_privileges.absent", {"name": "readers", "object_name": "app", "object_type": "database"}),
        ("postgres_privileges.absent", {"name": "old", "object_name": "readers", "object_type": "group"}),
        ("postgres_extension.absent", {"name": "hstore", "maintenance_db": "app"}),
        ("postgres_schema.absent", {"name": "audit", "dbname": "app"}),
        ("postgres_database.absent", {"name": "app"}),
        ("postgres_user.absent", {"name": "old"}),
        ("postgres_user.absent", {"name": "app"}),
        ("postgres_group.absent", {"name": "readers"}),
    )


def test_privileges_on_what_a_database_holds(server: Server) -> None:
    made = [
        "CREATE ROLE clerk",
        "CREATE ROLE boss",
        "CREATE TABLE orders (id serial)",
        "CREATE TABLE parts ()",
        "CREATE FUNCTION area(a int, b text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ]
    do(server.host, server.access, made)
    table = {"name": "clerk", "object_type": "table"}
    server.sweep(
        (
            "postgres_privileges.present",
            {**table, "object_name": "orders", "privileges": ["SELECT", "insert"]},
        ),
        ("postgres_privileges.present", {"name": "clerk", "object_name": "ALL", "object_type": "sequence"}),
        (
            "postgres_privileges.present",
            {"name": "clerk", "object_name": "area(int, text)", "object_type": "function"},
        ),
        (
            "postgres_privileges.present",
            {"name": "clerk", "object_name": "pg_default", "object_type": "tablespace"},
        ),
        ("postgres_privileges.present", {"name": "clerk", "object_name": "sql", "object_type": "language"}),
    )
    assert server.call("postgres.privileges_list", "orders", "table")["clerk"] == {
        "SELECT": False,
        "INSERT": False,
    }
    assert server.call("postgres.has_privileges", "clerk", "orders", "table", "SELECT") is True
    assert server.call("postgres.has_privileges", "clerk", "orders", "table") is False
    assert server.call("postgres.has_privileges", "clerk", "orders", "table", "SELECT", True) is False
    assert server.call("postgres.has_privileges", "clerk", "ALL", "table", "SELECT") is False
    assert server.call("postgres.privileges_grant", "clerk", "ALL", "table", "SELECT") is True
    assert server.call("postgres.has_privileges", "clerk", "ALL", "table", "SELECT") is True
    assert server.call("postgres.privileges_list", "area(int)", "function") == {}
    assert server.call("postgres.privileges_revoke", "clerk", "ALL", "table") is True
    assert server.call("postgres.privileges_list", "orders", "chair") == "bad_argument"
    server.sweep(
        ("postgres_privileges.absent", {"name": "clerk", "object_name": "ALL", "object_type": "sequence"}),
        (
            "postgres_privileges.absent",
            {"name": "clerk", "object_name": "area(int, text)", "object_type": "function"},
        ),
        (
            "postgres_privileges.absent",
            {"name": "clerk", "object_name": "pg_default", "object_type": "tablespace"},
        ),
        ("postgres_privileges.absent", {"name": "clerk", "object_name": "sql", "object_type": "language"}),
    )
    (failed,) = server.states(
        [("postgres_privileges.present", {**table, "object_name": "nosuch", "privileges": "SELECT"})]
    )
    assert failed["result"] is False
    assert "nosuch" in failed["comment"]


def test_an_owner_of_all(server: Server) -> None:
    do(server.host, server.access, "CREATE ROLE heir")
    do(server.host, server.access, "CREATE DATABASE estate")
    do(
        server.host,
        server.access,
        [
            'CREATE SCHEMA "a\'b""c"',
            'CREATE TABLE "a\'b""c"."T %I" (id serial PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY)',
            "CREATE VIEW v AS SELECT 1 AS one",
            "CREATE SEQUENCE s",
            "CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1'",
            "CREATE EXTENSION hstore",
        ],
        "estate",
    )
    server.sweep(("postgres_database.present", {"name": "estate", "owner": "heir", "owner_recurse": True}))
    owners = server.rows(
        "SELECT DISTINCT pg_get_userbyid(relowner) AS owner FROM pg_class WHERE oid > 16384"
        " AND relkind IN ('r', 'v', 'S')"
        " UNION SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE proname = 'p'",
        "estate",
    )
    assert owners == [{"owner": "heir"}]
    (fixed,) = server.states([("postgres_database.present", {"name": "estate", "encoding": "LATIN1"})])
    assert fixed["result"] is False
    assert "couldn't be changed on fly" in fixed["comment"]


def test_tablespaces_and_languages(server: Server) -> None:
    place = f"{server.socket}/fast"
    subprocess.run(["mkdir", place], user=server.access.runas if os.geteuid() == 0 else None, check=True)
    server.sweep(
        (
            "postgres_tablespace.present",
            {"name": "fast", "directory": place, "options": {"seq_page_cost": 1.5}},
        ),
        ("postgres_language.absent", {"name": "plpgsql", "maintenance_db": "template1"}),
    )
    server.sweep(
        (
            "postgres_tablespace.present",
            {"name": "fast", "directory": place, "options": [{"seq_page_cost": 2}]},
        ),
        ("postgres_language.present", {"name": "plpgsql", "maintenance_db": "template1"}),
    )
    assert server.call("postgres.language_exists", "plpgsql", "template1") is True
    assert server.call("postgres.tablespace_list")["fast"]["Opts"] == "seq_page_cost=2"
    (elsewhere,) = server.states([("postgres_tablespace.present", {"name": "fast", "directory": "/srv"})])
    assert elsewhere["result"] is False
    server.sweep(("postgres_tablespace.absent", {"name": "fast"}))


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_names_nobody_likes(server: Server, name: str) -> None:
    group = f"{name}2"
    assert server.call("postgres.group_create", group) is True
    server.sweep(
        ("postgres_user.present", {"name": name, "password": name, "groups": [group]}),
        ("postgres_database.present", {"name": name, "owner": name}),
        ("postgres_schema.present", {"name": name, "dbname": name, "owner": name}),
        ("postgres_privileges.present", {"name": group, "object_name": name, "object_type": "database"}),
    )
    assert server.call("postgres.psql_query", f"SELECT {literal(name)} AS said") == [{"said": name}]
    server.sweep(("postgres_database.absent", {"name": name}), ("postgres_user.absent", {"name": name}))


@pytest.mark.parametrize("name", ["", "nul\0", "x" * 64, "ü" * 32, "half\ud800"])
def test_names_that_cannot_be(server: Server, name: str) -> None:
    for fun in ("user_create", "db_create", "group_remove", "tablespace_remove"):
        assert server.call(f"postgres.{fun}", name) == "bad_argument"


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
HOSTILE = st.text(st.sampled_from("'\"\\;:$-\n\r\t%ü "), max_size=20)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(TEXT | HOSTILE, min_size=8, max_size=8))
def test_values_come_back_as_they_were(server: Server, texts: list[str]) -> None:
    columns = ", ".join(f"{literal(text)} AS c{number}" for number, text in enumerate(texts))
    (found,) = server.rows(f"SELECT {columns}")
    assert list(found.values()) == texts


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists((TEXT | HOSTILE).filter(bool), min_size=6, max_size=6, unique=True))
def test_names_come_back_as_they_were(server: Server, names: list[str]) -> None:
    names = [one for one in names if len(one.encode()) <= LONGEST]
    made = [f"CREATE TEMPORARY TABLE t ({', '.join(f'{identifier(one)} int' for one in names)})"]
    seen = "SELECT attname FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0 ORDER BY attnum"
    said = do_and_see(server, [*made, f"COPY ({seen}) TO STDOUT WITH (FORMAT csv)"])
    assert [row[0] for row in csv.reader(io.StringIO(said, newline=""))] == names


def do_and_see(server: Server, statements: list[str]) -> str:
    """Send statements the way changes are sent, and return what is written."""
    from saltern.library.postgres.connection import run

    return run(server.host, server.access, "--set=ON_ERROR_STOP=1", stdin=";\n".join(statements) + ";\n")


@pytest.mark.parametrize("password", PASSWORDS, ids=range(len(PASSWORDS)))
def test_a_password_is_kept_as_the_server_would(server: Server, password: str) -> None:
    for how in ("scram-sha-256", "md5"):
        own = [f"SET LOCAL password_encryption = '{how}'", f"CREATE ROLE same PASSWORD {literal(password)}"]
        do(server.host, server.access, own)
        (stored,) = server.rows("SELECT rolpassword AS it FROM pg_authid WHERE rolname = 'same'")
        do(server.host, server.access, "DROP ROLE same")
        assert passwords.is_kept_as(stored["it"], password, "same", how)
        assert not passwords.is_kept_as(stored["it"], password + "x", "same", how)
        again = passwords.kept(password, "same", how)
        assert passwords.is_kept_form(again)
        assert passwords.is_kept_as(again, password, "same", how)


def test_nothing_shows_a_password(server: Server) -> None:
    wanted = {"name": "shy", "password": "h1dden'", "encrypted": False}
    looked, (done,) = (
        server.states([("postgres_user.present", wanted)], dry=True),
        server.sweep(("postgres_user.present", wanted)),
    )
    (failed,) = server.states([("postgres_user.present", {"name": "pg_x", "password": "h1dden'"})])
    assert failed["result"] is False
    assert "h1dden" not in repr([looked, done, failed])


def test_a_query_that_is_wrong(server: Server) -> None:
    assert server.call("postgres.psql_query", "SELECT nonsense") == "command_failed"
    assert server.call("postgres.psql_query", "SELECT 1; SELECT 2", maintenance_db="host=evil") == "not_found"
    with pytest.raises(CommandFailed):
        do(server.host, server.access, ["CREATE ROLE half", "CREATE ROLE half"])
    assert server.call("postgres.user_exists", "half") is False
