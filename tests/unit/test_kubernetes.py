"""The manifests of deploy/kubernetes: valid, locked down, and what they name is there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from tessera_catalog import cli as load_cli
from tessera_catalog.stores import load_stores
from tessera_sync import cli as sync_cli

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
SCHEMAS = ROOT / ".venv" / "schemas"

RELEASE = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

GIVEN_SECRETS = {
    "tessera-api": {"username", "password"},
    "tessera-reader": {"username", "password"},
    "tessera-backup": {"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
    "tessera-stores-read": set(),
    "tessera-stores-write": set(),
    "tessera-notify": {"TESSERA_WEBHOOK"},
}
"""The secrets that docs/operations/kubernetes.md has one make, and their keys."""

MADE_SECRETS = {
    "tessera-db-app": {"username", "password"},
    "tessera-db-ca": {"ca.crt"},
    "tessera-web-tls": {"tls.crt"},
}
"""Those that CloudNativePG and cert-manager make."""

MADE_SERVICES = {"tessera-db-rw": 5432, "tessera-db-ro": 5432, "tessera-copy-scheduler": 8786}
"""Those that the operators make, of what is here."""


def objects(folder: Path = FOLDER) -> list[dict[str, Any]]:
    """All objects of a folder's manifests, lists taken apart."""
    found: list[dict[str, Any]] = []
    for file in sorted(folder.glob("*.yaml")):
        for each in yaml.safe_load_all(file.read_text()):
            if each["kind"] != "Kustomization":
                found += each["items"] if each["kind"] == "List" else [each]
    return found


ALL = objects() + objects(FOLDER / "dask")


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in ALL if each["kind"] == kind}


def pods() -> dict[str, tuple[dict[str, str], dict[str, Any]]]:
    """Labels and spec of every pod that we describe, by what makes it."""
    found = {}
    for name, each in of_kind("Deployment").items():
        found[name] = each["spec"]["template"]
    for name, each in of_kind("CronJob").items():
        found[name] = each["spec"]["jobTemplate"]["spec"]["template"]
    for name, each in of_kind("DaskCluster").items():
        for part in ("scheduler", "worker"):
            labels = {"dask.org/cluster-name": name, "dask.org/component": part}
            found[f"{name}-{part}"] = {"metadata": {"labels": labels}, **each["spec"][part]}
    return {name: (pod["metadata"]["labels"], pod["spec"]) for name, pod in found.items()}


PODS = pods()
CONTAINERS = {
    f"{name}/{c['name']}": c for name, (_, spec) in PODS.items() for c in spec["containers"]
}


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a value."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, dict | list):
            yield from walk(each)


def environment(container: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in container.get("env", [])}


# --- schemas ---------------------------------------------------------------------------------


def validate(folder: Path) -> subprocess.CompletedProcess[str]:
    if not SCHEMAS.is_dir():
        pytest.skip("the schemas are not installed: make check does it")
    return subprocess.run(
        [sys.executable, folder / "validate.py"],
        env={"PYTHONPATH": str(SCHEMAS)},
        capture_output=True,
        text=True,
    )


def test_the_manifests_are_valid() -> None:
    done = validate(FOLDER)
    assert (done.returncode, done.stderr) == (0, "")
    valid, unknown = done.stdout.splitlines()
    assert {"CronJob", "DaskCluster", "Deployment", "Ingress"} <= set(valid[7:].split(", "))
    assert unknown == "not held against any schema: Cluster, ObjectStore, ScheduledBackup"


@pytest.mark.parametrize(
    ("file", "right", "wrong", "said"),
    [
        ("api.yaml", "maxUnavailable: 1", "maximumUnavailable: 1", "maximumUnavailable"),
        ("api.yaml", "containerPort: 8000", "containerPort: http", "'http' is not of type"),
        ("api.yaml", "periodSeconds: 2", "periodSecond: 2", "periodSecond"),
        ("jobs.yaml", "backoffLimitPerIndex", "backoffLimitPerPart", "backoffLimitPerPart"),
        ("network.yaml", "podSelector: {}", "podSelectors: {}", "podSelectors"),
        ("dask/cluster.yaml", "replicas: 0", "replica: 0", "replica"),
        ("dask/cluster.yaml", "workingDir: /tmp", "workDir: /tmp", "workDir"),
    ],
)
def test_a_wrong_field_is_found(
    tmp_path: Path, file: str, right: str, wrong: str, said: str
) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "kubernetes")
    text = (folder / file).read_text()
    assert right in text
    (folder / file).write_text(text.replace(right, wrong, 1))
    done = validate(folder)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{file}: ")
    assert said in done.stderr


# --- kustomize -------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", [FOLDER, FOLDER / "dask"], ids=lambda path: path.name)
def test_every_file_is_listed(folder: Path) -> None:
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    generated = [f for each in kustomization.get("configMapGenerator", []) for f in each["files"]]
    there = {path.name for path in folder.iterdir() if path.suffix in (".yaml", ".toml")}
    listed = [*kustomization["resources"], *generated]
    assert len(listed) == len(set(listed))
    assert set(listed) == there - {"kustomization.yaml"}


def test_both_kustomizations_name_the_same_images_of_this_release() -> None:
    images: dict[str, list[Any]] = {}
    for folder in (FOLDER, FOLDER / "dask"):
        for each in yaml.safe_load((folder / "kustomization.yaml").read_text())["images"]:
            images.setdefault(each["name"], []).append((each["newName"], each["newTag"]))
    assert all(len(set(said)) == 1 for said in images.values())
    assert {tag for said in images.values() for _, tag in said} == {RELEASE}
    assert {each["image"] for each in CONTAINERS.values()} == set(images)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl: CI has it in its own job")
@pytest.mark.parametrize("folder", [FOLDER, FOLDER / "dask"], ids=lambda path: path.name)
def test_kustomize_renders_what_is_written(folder: Path) -> None:
    made = subprocess.run(
        ["kubectl", "kustomize", folder], capture_output=True, text=True, check=True
    )
    rendered = {(o["kind"], o["metadata"]["name"]): o for o in yaml.safe_load_all(made.stdout)}
    maps = [name for kind, name in rendered if kind == "ConfigMap"]
    written = {(o["kind"], o["metadata"]["name"]): o for o in objects(folder)}
    assert set(rendered) == set(written) | {("ConfigMap", name) for name in maps}
    as_rendered = json.dumps(list(rendered.values()))
    assert not re.search(r'"image": "tessera-stac', as_rendered)
    for (kind, name), each in written.items():
        if kind == "CronJob":
            pod = rendered[kind, name]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
            ours = each["spec"]["jobTemplate"]["spec"]["template"]["spec"]
            assert pod["containers"][0]["command"] == ours["containers"][0]["command"]
            assert pod["containers"][0].get("env") == ours["containers"][0].get("env")
            assert {v["name"] for v in pod["volumes"]} == {v["name"] for v in ours["volumes"]}
    if maps:
        assert maps[0].startswith("tessera-stores-")
        assert maps[0] in as_rendered.replace(f'"name": "{maps[0]}"', maps[0], 1)


# --- what is named is there ------------------------------------------------------------------


def test_secrets_that_are_named_are_known_with_their_keys() -> None:
    known = GIVEN_SECRETS | MADE_SECRETS
    named: set[str] = set()
    for each in (part for one in ALL for part in walk(one)):
        for field in ("secretKeyRef", "accessKeyId", "secretAccessKey", "region"):
            if isinstance(each.get(field), dict) and "key" in each[field]:
                named.add(each[field]["name"])
                assert each[field]["key"] in known[each[field]["name"]]
        for field in ("secretRef", "passwordSecret"):
            if field in each:
                named.add(each[field]["name"])
        if "secretName" in each:
            named.add(each["secretName"])
            for item in each.get("items", []):
                assert item["key"] in known[each["secretName"]]
    assert named == set(known)


def test_the_page_has_one_make_every_secret() -> None:
    text = (ROOT / "docs" / "operations" / "kubernetes.md").read_text()
    for name, keys in GIVEN_SECRETS.items():
        assert name in text
        assert all(key in text for key in keys)


def test_no_manifest_holds_a_secret() -> None:
    assert not of_kind("Secret")
    for name, container in CONTAINERS.items():
        for variable, value in environment(container).items():
            if re.search("PASSWORD|SECRET|TOKEN|KEY", variable):
                assert value == "" or variable.endswith("_FILE"), f"{name}: {variable}"


def test_volumes_and_configurations_that_are_named_are_there() -> None:
    generated = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["configMapGenerator"]
    maps = {each["name"] for each in generated}
    claims = set(of_kind("PersistentVolumeClaim"))
    for _, spec in PODS.values():
        volumes = {each["name"]: each for each in spec["volumes"]}
        for volume in volumes.values():
            if "configMap" in volume:
                assert volume["configMap"]["name"] in maps
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims
        mounted = {m["name"] for c in spec["containers"] for m in c["volumeMounts"]}
        assert mounted == set(volumes)


def test_files_that_variables_name_are_mounted() -> None:
    for name, container in CONTAINERS.items():
        mounts = [each["mountPath"] for each in container["volumeMounts"]]
        for variable, value in environment(container).items():
            if value.startswith("/"):
                assert any(value == m or value.startswith(f"{m}/") for m in mounts), (
                    name,
                    variable,
                )


def test_services_find_pods_and_their_ports() -> None:
    for service in of_kind("Service").values():
        if service["spec"]["selector"].items() >= DATABASE.items():  # the operator's pods
            continue
        chosen = [
            spec for labels, spec in PODS.values()
            if service["spec"]["selector"].items() <= labels.items()
        ]  # fmt: skip
        assert len(chosen) == 1
        ports = {p["name"] for c in chosen[0]["containers"] for p in c["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


def test_an_api_keeps_to_one_standby() -> None:
    """Else what one tells would be tagged with the revision of another."""
    (api,) = (c for name, c in CONTAINERS.items() if name.startswith("tessera-api/"))
    service = of_kind("Service")[environment(api)["PGHOST"]]
    assert service["spec"]["sessionAffinity"] == "ClientIP"
    cluster = of_kind("Cluster")[DATABASE["cnpg.io/cluster"]]
    names = cluster["spec"]["certificates"]["serverAltDNSNames"]
    assert service["metadata"]["name"] in names


def test_budgets_autoscaler_and_ingress_name_what_is_there() -> None:
    for budget in of_kind("PodDisruptionBudget").values():
        chosen = budget["spec"]["selector"]["matchLabels"].items()
        assert any(chosen <= labels.items() for labels, _ in PODS.values())
    for scaler in of_kind("HorizontalPodAutoscaler").values():
        deployment = of_kind("Deployment")[scaler["spec"]["scaleTargetRef"]["name"]]
        assert "replicas" not in deployment["spec"]
        assert all("cpu" in c["resources"]["requests"]
                   for c in deployment["spec"]["template"]["spec"]["containers"])  # fmt: skip
    for ingress in of_kind("Ingress").values():
        (rule,) = ingress["spec"]["rules"]
        assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]
        for path in rule["http"]["paths"]:
            backend = path["backend"]["service"]
            ports = of_kind("Service")[backend["name"]]["spec"]["ports"]
            assert backend["port"]["name"] in {port["name"] for port in ports}


def test_the_backup_is_of_this_cluster_and_goes_to_this_store() -> None:
    (cluster,) = of_kind("Cluster")
    (plugin,) = of_kind("Cluster")[cluster]["spec"]["plugins"]
    (backup,) = of_kind("ScheduledBackup").values()
    assert backup["spec"]["cluster"]["name"] == cluster
    assert backup["spec"]["pluginConfiguration"]["name"] == plugin["name"]
    assert plugin["parameters"]["barmanObjectName"] in of_kind("ObjectStore")
    assert {name for name in MADE_SERVICES if name.startswith(cluster)} == {
        f"{cluster}-rw",
        f"{cluster}-ro",
    }


def test_programs_connect_to_services_that_are_there() -> None:
    ports = {n: s["spec"]["ports"][0]["port"] for n, s in of_kind("Service").items()}
    ports |= MADE_SERVICES
    for container in CONTAINERS.values():
        named = environment(container)
        if "PGHOST" in named:
            assert ports[named["PGHOST"]] == int(named["PGPORT"])
            assert named["PGSSLMODE"] == "verify-full"
        if "TESSERA_API" in named:
            host, _, port = named["TESSERA_API"].partition(":")
            assert ports[host] == int(port)
        for word in container.get("command", []):
            if address := re.search(r"tcp://([^:]+):(\d+)", word):
                assert ports[address[1]] == int(address[2])


def test_the_database_named_is_the_one_that_is_made() -> None:
    (cluster,) = of_kind("Cluster").values()
    for container in CONTAINERS.values():
        named = environment(container)
        if "PGDATABASE" in named:
            assert named["PGDATABASE"] == cluster["spec"]["bootstrap"]["initdb"]["database"]


def test_the_pools_of_the_api_fit_into_the_database() -> None:
    (cluster,) = of_kind("Cluster").values()
    (api,) = (r for r in cluster["spec"]["managed"]["roles"] if r["name"] == "tessera_api")
    most = of_kind("HorizontalPodAutoscaler")["tessera-api"]["spec"]["maxReplicas"]
    surge = -(-most // 4)  # a quarter more while a new version rolls out
    pool = int(environment(CONTAINERS["tessera-api/api"])["TESSERA_API_POOL_SIZE"])
    assert (most + surge) * pool <= api["connectionLimit"] + 10
    together = sum(role.get("connectionLimit", 0) for role in cluster["spec"]["managed"]["roles"])
    assert together < int(cluster["spec"]["postgresql"]["parameters"]["max_connections"])


# --- locked down -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", PODS)
def test_pods_are_restricted(name: str) -> None:
    """By Kubernetes' own profile of that name, and their file system is read only."""
    _, spec = PODS[name]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    allowed = {"configMap", "emptyDir", "persistentVolumeClaim", "secret"}
    assert all(set(volume) - {"name"} <= allowed for volume in spec["volumes"])
    for container in spec["containers"]:
        locked = container["securityContext"]
        assert locked["allowPrivilegeEscalation"] is False
        assert locked["readOnlyRootFilesystem"] is True
        assert locked["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]
    labels = of_kind("Namespace")["tessera"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_only_who_writes_to_the_database_knows_its_owner() -> None:
    owners = {n for n, c in CONTAINERS.items() if "tessera-db-app" in json.dumps(c)}
    assert owners == {"tessera-load/tool", "tessera-link/tool"}
    writers = {n for n, c in CONTAINERS.items() if "tessera-stores-write" in json.dumps(c)}
    assert writers == {"tessera-copy-s3/tool", "tessera-copy-worker/worker"}


DATABASE = {"cnpg.io/cluster": "tessera-db"}


def policies(labels: dict[str, str], direction: str) -> list[dict[str, Any]]:
    """The rules of all policies that hold for a pod; every pod must have some."""
    chosen = [
        each["spec"] for each in of_kind("NetworkPolicy").values()
        if each["spec"]["podSelector"].get("matchLabels", {}).items() <= labels.items()
    ]  # fmt: skip
    assert any(direction in each["policyTypes"] for each in chosen)
    return [rule for each in chosen for rule in each.get(direction.lower(), [])]


def lets(rules: list[dict[str, Any]], side: str, other: dict[str, str], port: int | str) -> bool:
    """Whether some rule names this other pod of ours, and the port."""
    return any(
        port in [each["port"] for each in rule["ports"]]
        and any(
            peer["podSelector"]["matchLabels"].items() <= other.items()
            for peer in rule.get(side, [])
            if "podSelector" in peer and "namespaceSelector" not in peer
        )
        for rule in rules
    )


def connected(client: dict[str, str], server: dict[str, str], port: int | str) -> bool:
    out = lets(policies(client, "Egress"), "to", server, port)
    return out and lets(policies(server, "Ingress"), "from", client, port)


def test_the_network_lets_through_who_has_business_there() -> None:
    users = {"tessera-api", "tessera-load", "tessera-link"}
    for name, (labels, _) in PODS.items():
        assert connected(labels, DATABASE, 5432) == (name in users), name
    web, api = PODS["tessera-web"][0], PODS["tessera-api"][0]
    assert connected(web, api, "http")
    assert not connected(api, web, "http")
    assert connected(DATABASE, DATABASE, 5432)
    scheduler = PODS["tessera-copy-scheduler"][0]
    for name, (labels, _) in PODS.items():
        expected = name in ("tessera-copy-s3-dask", "tessera-copy-worker", "tessera-copy-scheduler")
        assert connected(labels, scheduler, 8786) == expected, name


# --- what the containers run -----------------------------------------------------------------


def shell_words(container: dict[str, Any]) -> list[str]:
    """The command as the program meets it, through Kubernetes and the shell."""
    command = [word.replace("$$", "$") for word in container["command"]]
    if command[:2] != ["sh", "-c"]:
        return command
    script = command[2].replace("exec ", "printf '%s\\n' ", 1)
    done = subprocess.run(
        ["sh", "-c", script],
        env={"JOB_COMPLETION_INDEX": "7", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


TOOLS = {"tessera-load": load_cli.app, "tessera-sync": sync_cli.app}


@pytest.mark.parametrize("name", [name for name in CONTAINERS if name.endswith("/tool")])
def test_the_tools_know_what_they_are_asked(name: str) -> None:
    tool, *words = shell_words(CONTAINERS[name])
    command = typer.main.get_command(TOOLS[tool])
    context = command.make_context(tool, words)
    if tool == "tessera-sync":
        verb, found, rest = command.resolve_command(context, context._protected_args + context.args)  # type: ignore[attr-defined]
        found.make_context(verb, rest, parent=context)


def test_stores_are_those_of_the_configuration() -> None:
    ours, packaged = load_stores(FOLDER / "stores.toml"), load_stores()
    assert ours == packaged
    for name in CONTAINERS:
        if name.endswith("/tool"):
            _, verb, *words = shell_words(CONTAINERS[name])
            if verb in ("scan", "verify", "plan"):
                stores = words[: 2 if verb == "plan" else 1]
                assert set(stores) <= set(ours.names)


def test_the_parts_of_a_copy_are_all_done() -> None:
    job = of_kind("CronJob")["tessera-copy-s3"]["spec"]["jobTemplate"]["spec"]
    words = shell_words(CONTAINERS["tessera-copy-s3/tool"])
    assert words[-1] == f"{7 + 1}/{job['completions']}"
    assert job["completions"] == 8  # so that index 7 is the last part


def test_a_copy_takes_the_plan_that_was_made() -> None:
    plan = shell_words(CONTAINERS["tessera-plan-s3/tool"])[-1]
    for name in ("tessera-copy-s3/tool", "tessera-copy-s3-dask/tool"):
        assert plan in shell_words(CONTAINERS[name])


def test_notify_tells_of_what_the_units_and_the_alerts_tell() -> None:
    words = shell_words(CONTAINERS["tessera-notify/tool"])
    unit = (ROOT / "deploy" / "systemd" / "tessera-notify.service").read_text()
    assert f"ExecStart=/opt/tessera/bin/{' '.join(words)}\n" in unit
    alerts = (ROOT / "deploy" / "monitoring" / "alerts.yml").read_text()
    for option, metric in [("--max-age", "made"), ("--verified-within", "oldest_verification")]:
        days = words[words.index(option) + 1].removesuffix("d")
        assert re.search(rf"_{metric}_timestamp_seconds\)+ > {days} \* 86400", alerts), option


def test_verify_takes_another_part_each_day() -> None:
    part, parts = shell_words(CONTAINERS["tessera-verify-s3/tool"])[-1].split("/")
    assert 1 <= int(part) <= int(parts) == 30
