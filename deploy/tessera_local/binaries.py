"""Find the machine's newest PostgreSQL that has PostGIS."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tessera_catalog.errors import InputError

OLDEST = 15
"""Major version; default_toast_compression and the API's settings are tested from here on."""

INSTALL = "install PostgreSQL 15 or newer with PostGIS (Debian: postgresql, postgresql-postgis)"

_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")


@dataclass(frozen=True)
class Binaries:
    """One installed PostgreSQL: its major version and the folder of its programs."""

    major: int
    folder: Path

    def program(self, name: str) -> str:
        """Path of one of its programs: `initdb`, `pg_ctl`, `postgres`."""
        return str(self.folder / name)

    def has_postgis(self) -> bool:
        """Whether `CREATE EXTENSION postgis` would find its control file."""
        sharedir = Path(_output(self.program("pg_config"), "--sharedir"))
        return (sharedir / "extension" / "postgis.control").is_file()


def find_binaries(major: int | None = None) -> Binaries:
    """The newest usable PostgreSQL, or the one of that major version; InputError without any."""
    installed = sorted(_installed(), key=lambda found: found.major, reverse=True)
    if major is not None:
        installed = [found for found in installed if found.major == major]
    recent = [found for found in installed if found.major >= OLDEST]
    usable = [found for found in recent if found.has_postgis()]
    if usable:
        return usable[0]
    if major is not None:
        raise InputError(
            f"the private cluster was made by PostgreSQL {major}, which is no longer here with "
            "PostGIS: install it again, or 'make clean' to begin anew"
        )
    if recent:
        raise InputError(f"PostgreSQL {recent[0].major} has no PostGIS: {INSTALL}")
    raise InputError(f"no PostgreSQL programs were found: {INSTALL}")


def _installed() -> list[Binaries]:
    folders = [path for place in _PLACES for path in Path("/").glob(place.removeprefix("/"))]
    for name in ("pg_ctl", "initdb"):
        on_path = shutil.which(name)
        if on_path:
            folders.append(Path(on_path).resolve().parent)
    if shutil.which("pg_config"):
        folders.append(Path(_output("pg_config", "--bindir")))
    found = []
    for folder in dict.fromkeys(folders):
        if all((folder / name).is_file() for name in ("initdb", "pg_ctl", "postgres", "pg_config")):
            version = re.search(r"\d+", _output(str(folder / "postgres"), "--version"))
            found.append(Binaries(int(version.group()) if version else 0, folder))
    return found


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()
