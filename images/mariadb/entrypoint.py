"""Start MariaDB without leaving a secret anywhere.

Common entrypoints copy the secret file into an environment variable, where ``/proc/1/environ`` shows it as long as
the server runs. This one reads the file, hashes the password, writes the start-up SQL into a pipe, and becomes the
server, which reads the pipe once: no environment variable, no argument, no file.

As with the official image, ``MARIADB_DATABASE``, ``MARIADB_USER`` and ``MARIADB_PASSWORD_FILE`` name database and user,
and ``/docker-entrypoint-initdb.d/*.sql`` fills that database once. ``root`` may log in over the network by the password
in ``MARIADB_ROOT_PASSWORD_FILE``; with ``MARIADB_RANDOM_ROOT_PASSWORD=1`` in its place it may not at all.
The rest is the workshop's own.
With ``MARIADB_SHOP_PASSWORD`` a second user, ``shop``, has the same rights: lesson 02 finds this password.
With ``MARIADB_MONITORING_PASSWORD_FILE`` a user ``monitoring`` reads the server's status, and no data.
With ``MARIADB_REPLICATION_PASSWORD_FILE`` replicas may follow, and a binary log is written for them. With
``MARIADB_MASTER_HOST`` in addition, it is a replica itself: read-only, with all data and users from that master, so
that it needs none of the other variables. Arguments are passed to the server, after ``mariadbd`` or without it.

A replica starts from the same baked data as its master and replays all changes, so no dump is needed and either may
start first. The server writes the replication password into a plain-text file: that file is on a tmpfs, and the
replication position is kept in a table. A replica that outlives its master's data never accepts a new master (error
1236); then its data must be removed, too.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

BAKED_DATA = Path("/usr/share/workshop/data")
DATA = Path("/var/lib/mysql/data")
SCRIPTS = Path("/docker-entrypoint-initdb.d")
FILLED = DATA / "filled"
"""The server writes it once the scripts have run to their end."""
SERVER = "/usr/sbin/mariadbd"
REPLICATION_USER = "replication"
MONITORING_USER = "monitoring"
SHOP_USER = "shop"
# The server reads its start-up SQL line by line, and allows no longer password for a master.
REPLICATION_PASSWORD_LIMIT = 96
# All binary logs are kept: a new replica replays them from the first. With a full disk the server retries a write
# to one only after a minute, so only a master has any.
MASTER_OPTIONS = ("--server-id=1", "--log-bin=master-bin", "--binlog-format=ROW", "--expire-logs-days=0")
# The master's start-up mark does not apply to a replica. A connection that is silent for 8 s is dead.
REPLICA_OPTIONS = (
    "--server-id=2",
    "--read-only",
    "--skip-slave-start",
    "--relay-log=relay-bin",
    "--master-info-file=/run/mysqld/master.info",
    "--relay-log-info-file=/run/mysqld/relay-log.info",
    "--replicate-wild-ignore-table=workshop_start.%",
    "--slave-net-timeout=8",
    "--master-retry-count=0",  # no limit
)
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
HOST = re.compile(r"[A-Za-z0-9.:-]{1,255}")
FINISHED = "INSERT INTO workshop_start.finished VALUES (UTC_TIMESTAMP());"
RESERVED = {
    REPLICATION_USER,
    MONITORING_USER,
    "health",
    "root",
    "mariadb",
    "mysql",
    "sys",
    "information_schema",
    "performance_schema",
    "workshop_start",
}


class StartError(Exception):
    """A mistake in the container's settings, told in one sentence."""


def setting(environment: Mapping[str, str], variable: str) -> str:
    """Return a required variable."""
    value = environment.get(variable, "")
    if not value:
        raise StartError(f"{variable} is not set: give it in the container's environment.")
    return value


def name(environment: Mapping[str, str], variable: str) -> str:
    """Return a required variable that is used as an SQL identifier."""
    value = setting(environment, variable)
    taken = {*RESERVED, SHOP_USER} if "MARIADB_SHOP_PASSWORD" in environment else RESERVED
    if not NAME.fullmatch(value) or value.lower() in taken:
        raise StartError(
            f"{variable} is not usable as a name: take up to 32 letters, digits and _, starting with a letter, "
            f"and none of {', '.join(sorted(taken))}."
        )
    return value


def read(path: Path) -> str:
    """Return the text of a file."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise StartError(f"{path} cannot be read ({reason}): mount a file that user {os.getuid()} can read.") from None


def secret(environment: Mapping[str, str], variable: str) -> str:
    """Return the secret in the file that a variable names, without its final line end."""
    value = read(Path(setting(environment, variable))).removesuffix("\n").removesuffix("\r")
    if not value:
        raise StartError(f"{variable} names an empty file: write the secret into it.")
    return value


def password_hash(password: str) -> str:
    """Return the hash of ``mysql_native_password``: ``*`` and SHA-1 of SHA-1, in hex."""
    once = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return "*" + hashlib.sha1(once, usedforsecurity=False).hexdigest().upper()


def one_a_line(script: Path) -> Iterator[str]:
    """Yield each statement of a script on its own line, as the server reads its start-up SQL.

    A statement ends with a ``;`` at the end of a line. Lines that start with ``--`` are comments.
    """
    statement: list[str] = []
    for line in map(str.strip, read(script).split("\n")):
        if not line or line.startswith("--"):
            continue
        statement.append(line)
        if line.endswith(";"):
            yield " ".join(statement)
            statement = []
    if statement:
        raise StartError(f"{script} ends inside a statement: end the last one with a ';'.")


def startup_sql(environment: Mapping[str, str], *, is_filled: bool) -> str:
    """Return the SQL of a start: user, rights, the scripts unless they have run, and at the end a mark of success.

    The server stops at the first statement that fails but goes on serving; only the mark shows success.
    """
    database = name(environment, "MARIADB_DATABASE")
    grantable = database.replace("_", r"\_")  # in GRANT an underscore stands for any character
    rows = f"SELECT, INSERT, UPDATE, DELETE ON `{grantable}`.*"
    statements = [
        f"CREATE DATABASE IF NOT EXISTS `{database}`;",
        *user(name(environment, "MARIADB_USER"), secret(environment, "MARIADB_PASSWORD_FILE"), rows),
    ]
    if known := environment.get("MARIADB_SHOP_PASSWORD"):
        statements += user(SHOP_USER, known, rows)
    if environment.get("MARIADB_MONITORING_PASSWORD_FILE"):
        password = secret(environment, "MARIADB_MONITORING_PASSWORD_FILE")
        statements += user(MONITORING_USER, password, "REPLICA MONITOR ON *.*", "WITH MAX_USER_CONNECTIONS 3")
    statements.append(f"USE `{database}`;")
    scripts = [] if is_filled else sorted(SCRIPTS.glob("*.sql"))
    for script in scripts:
        statements += one_a_line(script)
    statements.append("SET SESSION sql_log_bin = 0;")  # the rest is not replicated
    statements += root(environment)
    if environment.get("MARIADB_REPLICATION_PASSWORD_FILE"):
        password = secret(environment, "MARIADB_REPLICATION_PASSWORD_FILE")
        statements += user(REPLICATION_USER, password, "REPLICATION SLAVE ON *.*")
    if not is_filled:
        statements.append(f"SELECT UTC_TIMESTAMP() INTO OUTFILE '{FILLED}';")
    return "\n".join([*statements, FINISHED]) + "\n"


def root(environment: Mapping[str, str]) -> list[str]:
    """Return the SQL of the administrator who logs in over the network, if there is one."""
    if environment.get("MARIADB_ROOT_PASSWORD_FILE"):
        rights = user("root", secret(environment, "MARIADB_ROOT_PASSWORD_FILE"), "ALL PRIVILEGES ON *.*")
        return [*rights, "GRANT GRANT OPTION ON *.* TO 'root'@'%';"]
    if not environment.get("MARIADB_RANDOM_ROOT_PASSWORD"):
        raise StartError("root has no password: set MARIADB_RANDOM_ROOT_PASSWORD=1, or MARIADB_ROOT_PASSWORD_FILE.")
    return []


def user(account: str, password: str, rights: str, limit: str = "") -> list[str]:
    """Return the SQL of a user with this password and these rights; every start sets both."""
    return [
        f"CREATE USER IF NOT EXISTS '{account}'@'%';",
        f"ALTER USER '{account}'@'%' IDENTIFIED BY PASSWORD '{password_hash(password)}' {limit};",
        f"GRANT {rights} TO '{account}'@'%';",
    ]


def replica_sql(environment: Mapping[str, str]) -> str:
    """Return the SQL of a replica's start: follow the master from the position in the replica's own table."""
    host = setting(environment, "MARIADB_MASTER_HOST")
    if not HOST.fullmatch(host):
        raise StartError("MARIADB_MASTER_HOST is not usable as a host name: take letters, digits, '.', ':' and '-'.")
    password = secret(environment, "MARIADB_REPLICATION_PASSWORD_FILE")
    if len(password) > REPLICATION_PASSWORD_LIMIT:
        raise StartError(
            "MARIADB_REPLICATION_PASSWORD_FILE holds too long a password: "
            f"take one of at most {REPLICATION_PASSWORD_LIMIT} characters."
        )
    statements = [
        f"CHANGE MASTER TO MASTER_HOST='{host}', MASTER_USER='{REPLICATION_USER}', "
        f"MASTER_PASSWORD='{quoted(password)}', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1, "
        "MASTER_SSL=0;",
        "START SLAVE;",
        FINISHED,
    ]
    return "\n".join(statements) + "\n"


def quoted(text: str) -> str:
    """Quote a text for SQL, on one line, without the quotes."""
    for character, escape in (("\\", r"\\"), ("'", r"\'"), ("\n", r"\n"), ("\r", r"\r"), ("\0", r"\0")):
        text = text.replace(character, escape)
    return text


def prepare_data(baked: Path, data: Path) -> None:
    """Copy the baked data directory at the first start.

    It is copied to a temporary name and then renamed, so a start that was killed halfway is repeated.
    """
    partial = data.with_suffix(".partial")
    try:
        if data.exists():
            return
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(baked, partial)
        partial.rename(data)
    except OSError as error:
        reason = error.args[0][0][2] if isinstance(error, shutil.Error) else error.strerror
        raise StartError(
            f"the database cannot be put into {data.parent} ({reason}): "
            f"mount a volume there that user {os.getuid()} can write."
        ) from None


def pipe_holding(text: str) -> int:
    """Return the file descriptor of a pipe that holds a text."""
    content = text.encode()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)  # a full pipe is an error: the server reads it later
    written = os.write(writer, content)
    os.close(writer)
    if written < len(content):
        raise StartError(f"{SCRIPTS} holds too much: the start-up SQL may have {written} bytes.")
    os.set_inheritable(reader, True)
    return reader


def main() -> None:
    """Prepare, then become the server with a clean environment."""
    try:
        is_replica = "MARIADB_MASTER_HOST" in os.environ
        sql = replica_sql(os.environ) if is_replica else startup_sql(os.environ, is_filled=FILLED.exists())
        is_master = not is_replica and bool(os.environ.get("MARIADB_REPLICATION_PASSWORD_FILE"))
        prepare_data(BAKED_DATA, DATA)
        start_file = pipe_holding(sql)
    except StartError as error:
        sys.exit(f"mariadb: {error}")

    options: tuple[str, ...] = ()
    if is_replica:
        options = REPLICA_OPTIONS
    elif is_master:
        options = MASTER_OPTIONS
    if sys.argv[1:2] == ["mariadbd"]:
        del sys.argv[1]
    # One memory arena for all threads saves memory.
    alone = {"MALLOC_ARENA_MAX": "1"}
    os.execve(SERVER, ["mariadbd", f"--init-file=/dev/fd/{start_file}", *options, *sys.argv[1:]], alone)


if __name__ == "__main__":
    main()
