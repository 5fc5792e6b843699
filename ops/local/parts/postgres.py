"""Postgres 16: the upstream's database, not ours. Logical decoding is on; nothing is fsynced."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path

from ops.local import probes
from ops.local.errors import BadSetting, PartFailed
from ops.local.parts.base import Part
from ops.local.paths import Home
from ops.local.ports import HOST
from ops.local.processes import Command, User, as_user, environment
from ops.local.settings import Settings

DATABASE = "shop"
OPTIONS = {
    "listen_addresses": HOST, "unix_socket_directories": "", "wal_level": "logical", "max_replication_slots": 20, "max_wal_senders": 20,
    "max_slot_wal_keep_size": "2GB", "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "shared_buffers": "64MB",
    "max_connections": 100, "timezone": "UTC", "log_timezone": "UTC", "log_line_prefix": "%m [%p] ",
}  # fmt: skip


def dsn(port: int) -> str:
    return f"postgresql://{DATABASE}@{HOST}:{port}/{DATABASE}"


class Postgres(Part):
    name = "postgres"
    port_names = ("postgres",)
    stop_signal = signal.SIGINT  # fast shutdown: SIGTERM would wait for every client to leave

    def prepare(self, settings: Settings) -> str | None:
        """Choose a place that the server's user can reach; the first time, initialise the cluster and the database.

        Killed in between: the cluster is built beside its final place and renamed last, so it is built again.
        """
        user = unprivileged()
        data = data_folder(settings, user)
        binaries(settings, user)
        if not (data / "PG_VERSION").exists():
            self._initialise(settings, user, data)
        return None if data.parent == settings.home.data else f"data in {data}: its user cannot pass through {settings.home.data}"

    def _initialise(self, settings: Settings, user: User | None, data: Path) -> None:
        fresh = data.with_name("postgres.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if user:
            os.chown(fresh, user.uid, user.gid)
        self._run(settings, user, ["initdb", "-D", str(fresh), "-U", DATABASE, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"])
        self._run(settings, user, ["postgres", "--single", "-D", str(fresh), "postgres"], f"CREATE DATABASE {DATABASE}\n")
        shutil.rmtree(data, ignore_errors=True)
        fresh.rename(data)

    def command(self, settings: Settings) -> Command:
        user = unprivileged()
        options = [f"--{name}={value}" for name, value in {**OPTIONS, "port": settings.ports["postgres"]}.items()]
        program = binaries(settings, user) / "postgres"
        return Command([str(program), "-D", str(data_folder(settings, user)), *options], cwd=Path("/"), user=user)

    def probe(self, settings: Settings) -> None:
        probes.postgres(dsn(settings.ports["postgres"]))

    def _run(self, settings: Settings, user: User | None, argv: list[str], text: str = "") -> None:
        program = binaries(settings, user) / argv[0]
        result = subprocess.run(
            [str(program), *argv[1:]], input=text, capture_output=True, text=True, timeout=120, check=False, cwd="/",
            env=environment({}), **as_user(user),
        )  # fmt: skip
        if result.returncode:
            lines = (result.stdout + result.stderr).splitlines()[-15:]
            raise PartFailed(self.name, f"{argv[0]} ended with {result.returncode}", settings.home.log(self.name), lines)


def unprivileged() -> User | None:
    """Whom Postgres runs as: us, unless we are root, which it refuses. CARILLON_POSTGRES_USER, else postgres, else nobody."""
    if os.geteuid() != 0:
        return None
    names = [os.environ.get("CARILLON_POSTGRES_USER"), "postgres", "nobody"]
    for name in filter(None, names):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return User(entry.pw_uid, entry.pw_gid)
    raise BadSetting(f"Postgres refuses to run as root and there is none of the users {names}; set CARILLON_POSTGRES_USER")


def data_folder(settings: Settings, user: User | None) -> Path:
    """``data/postgres`` in the home; when the server's user cannot get there (say, under /root), one below the temporary folder."""
    return _reachable_base(settings, user) / "postgres"


def binaries(settings: Settings, user: User | None) -> Path:
    """The folder with initdb and postgres; a copy below the temporary folder when the server's user cannot get to the jars."""
    jars = settings.home.jars / "postgres"
    if _can(user, "-x", jars / "bin" / "postgres"):
        return jars / "bin"
    copy = outside(settings.home) / "binaries"
    if not (copy / "bin" / "postgres").exists():
        fresh = copy.with_name("binaries.new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(jars, fresh, symlinks=True)
        fresh.chmod(0o755)
        fresh.rename(copy)
    return copy / "bin"


def _reachable_base(settings: Settings, user: User | None) -> Path:
    return settings.home.data if _can(user, "-x", settings.home.data) else outside(settings.home)


def outside_folder(home: Home) -> Path:
    """Where a home keeps what must not be inside it: a folder of its own below the system's temporary folder."""
    digest = sha256(str(home.root).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"carillon-{os.geteuid()}-{digest}"


def outside(home: Home) -> Path:
    """That folder, made; it is ours, and other users can pass through it but not list it. Raises BadSetting."""
    folder = outside_folder(home)
    folder.mkdir(mode=0o711, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise BadSetting(f"{folder} belongs to somebody else; set CARILLON_HOME to a place that every user can pass through")
    folder.chmod(0o711)
    return folder


def _can(user: User | None, test: str, path: Path) -> bool:
    """Ask the operating system as that user: computing it from modes would miss ACLs and mount options."""
    command = ["/bin/sh", "-c", f'test {test} "$0"', str(path)]
    return subprocess.run(command, cwd="/", timeout=10, check=False, **as_user(user)).returncode == 0
