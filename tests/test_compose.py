"""`docker-compose.yml`, `Dockerfile` and their files, as far as parsers and schemas reach: no engine runs here."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from serving.access.start import refuse_strangers
from serving.settings import Settings

ROOT = Path(__file__).parents[1]
SERVICES = ("neo4j", "mlflow", "refresh", "door", "api")
OURS = ("mlflow", "refresh", "api")
INSTRUCTIONS = frozenset(
    [
        "FROM",
        "ARG",
        "LABEL",
        "RUN",
        "COPY",
        "ENV",
        "USER",
        "WORKDIR",
        "VOLUME",
        "EXPOSE",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    ]
)


@cache
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return loaded


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = compose()["services"][name]
    return found


@cache
def dockerfile() -> tuple[tuple[str, str], ...]:
    """Instruction and argument of each logical line."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return tuple((parts[0], parts[1]) for parts in (line.split(None, 1) for line in lines if line.strip()))


def arguments(instruction: str) -> list[str]:
    return [argument for name, argument in dockerfile() if name == instruction]


def test_compose_file_follows_the_specification() -> None:
    schema = json.loads((ROOT / "tests/schemas/compose-spec.json").read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(compose())] == []


def test_compose_has_the_services() -> None:
    assert set(compose()["services"]) == set(SERVICES)
    assert service("neo4j")["image"] == "neo4j:5.26"


@pytest.mark.parametrize("name", SERVICES)
def test_service_says_whether_it_is_healthy(name: str) -> None:
    check = service(name)["healthcheck"]
    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries"} <= set(check)


@pytest.mark.parametrize("name", SERVICES)
def test_service_has_no_more_rights_than_it_needs(name: str) -> None:
    found = service(name)
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in found
    if name != "neo4j":  # writes its configuration when it starts
        assert found["read_only"] is True
        assert "/tmp" in found["tmpfs"]


@pytest.mark.parametrize("name", SERVICES)
def test_service_runs_as_an_ordinary_user(name: str) -> None:
    if name in OURS:
        assert service(name)["image"] == service("api")["image"]  # the Dockerfile's USER
    elif name == "door":
        assert service(name)["image"].startswith("nginxinc/nginx-unprivileged:")
    else:
        assert service(name)["user"].split(":")[0] not in ("0", "root")


def test_images_are_pinned() -> None:
    images = [service(name)["image"] for name in SERVICES] + [line.split()[0] for line in arguments("FROM")]
    assert [image for image in images if ":" not in image or image.endswith(":latest")] == []


def test_ports_are_published_on_loopback_alone() -> None:
    ports = [port for name in SERVICES for port in service(name).get("ports", [])]
    assert len(ports) >= 3
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_api_stays_on_loopback_behind_the_door() -> None:
    command = service("api")["command"]
    refuse_strangers(Settings(host=command[command.index("--host") + 1]))
    assert service("api")["network_mode"] == "service:door"
    assert "ports" not in service("api")
    port = command[command.index("--port") + 1]
    proxy = (ROOT / "deploy/nginx.conf").read_text(encoding="utf-8")
    assert f"server 127.0.0.1:{port};" in proxy
    assert "auth_basic_user_file /run/secrets/page_users;" in proxy
    assert service("door")["ports"] == ["127.0.0.1:8421:8080"]
    assert "listen 8080;" in proxy


def test_volumes_networks_and_secrets_are_declared() -> None:
    for name in SERVICES:
        found = service(name)
        sources = [volume.split(":")[0] for volume in found.get("volumes", [])]
        named = {source for source in sources if re.fullmatch(r"[a-z][a-z-]*", source)}
        assert named <= set(compose()["volumes"])
        assert set(found.get("networks", [])) <= set(compose()["networks"])
        assert set(found.get("secrets", [])) <= set(compose()["secrets"])
        assert set(found.get("depends_on", {})) <= set(SERVICES)


def test_secrets_come_from_files_that_git_never_sees() -> None:
    for secret in compose()["secrets"].values():
        ignored = subprocess.run(["git", "check-ignore", "--quiet", secret["file"]], cwd=ROOT, check=False)
        assert ignored.returncode == 0, secret["file"]


def test_no_secret_stands_in_the_files() -> None:
    for name in SERVICES:
        for variable, value in service(name).get("environment", {}).items():
            if re.search("PASSWORD|AUTH|SECRET|TOKEN|KEY", variable):
                assert variable.endswith("_FILE")
                assert str(value).startswith("/run/secrets/")
    assert not re.search("PASSWORD|SECRET|TOKEN", " ".join(arguments("ENV") + arguments("ARG")))


@pytest.mark.parametrize("name", ["api", "refresh"])
def test_settings_are_settings(name: str) -> None:
    given = {
        key.removeprefix("INTERLACE_").lower() for key in service(name)["environment"] if key.startswith("INTERLACE_")
    }
    assert given <= set(Settings.model_fields)
    secrets = {f"/run/secrets/{secret}" for secret in service(name)["secrets"]}
    assert service(name)["environment"]["INTERLACE_STORE_PASSWORD_FILE"] in secrets


def test_files_that_are_mounted_or_copied_exist() -> None:
    mounted = [volume.split(":")[0] for name in SERVICES for volume in service(name).get("volumes", [])]
    assert all((ROOT / source).is_file() for source in mounted if source.startswith("./"))
    assert [source for source in copied() if not (ROOT / source).exists()] == []


def test_what_is_copied_is_not_ignored_by_the_engine() -> None:
    let_in = {
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
    }
    assert {source.split("/")[0] for source in copied()} <= let_in


def copied() -> Iterator[str]:
    """Sources of COPY from the build context."""
    for argument in arguments("COPY"):
        words = argument.split()
        if not any(word.startswith("--from=") for word in words):
            yield from [word for word in words if not word.startswith("--")][:-1]


def test_dockerfile_is_well_formed() -> None:
    names = [name for name, _ in dockerfile()]
    assert set(names) <= INSTRUCTIONS
    assert names[0] == "FROM"
    assert names.count("FROM") == 2
    assert all(base.startswith("python:3.12-slim") for base in arguments("FROM"))
    for exact in ("ENTRYPOINT", "VOLUME"):
        assert all(isinstance(json.loads(argument), list) for argument in arguments(exact))


def test_image_runs_as_an_ordinary_user_and_says_whether_it_is_healthy() -> None:
    names = [name for name, _ in dockerfile()]
    assert arguments("USER")[-1].split(":")[0] not in ("0", "root")
    assert names.index("USER") > max(place for place, name in enumerate(names) if name == "RUN")
    assert "/v1/ready" in arguments("HEALTHCHECK")[-1]


def test_lock_is_what_the_image_installs() -> None:
    assert any("--require-hashes -r requirements.lock" in line for line in arguments("RUN"))


@pytest.mark.parametrize("script", ["refresh.sh", "make-secrets.sh"])
def test_scripts_parse(script: str) -> None:
    subprocess.run(["sh", "-n", ROOT / "deploy" / script], check=True)
    assert (ROOT / "deploy" / script).stat().st_mode & 0o111


def test_refresh_runs_commands_and_options_that_exist() -> None:
    from typer.main import get_command

    from serving.cli.main import build

    root: Any = get_command(build())
    text = (ROOT / "deploy/refresh.sh").read_text(encoding="utf-8")
    lines = re.findall(r"^\s*(?:exec )?interlace (\w+)(.*)$", text, flags=re.MULTILINE)
    assert [command for command, _ in lines] == ["ingest", "refresh", "refresh"]
    for command, rest in lines:
        known = {option for parameter in root.commands[command].params for option in parameter.opts}
        assert set(re.findall(r"--[\w-]+", rest)) <= known
    assert set(re.findall(r"\$\{?(\w+)", text)) <= set(service("refresh")["environment"])


def test_refresh_has_time_to_stop() -> None:
    from serving.schedule import GRACE_SECONDS

    assert int(service("refresh")["stop_grace_period"].removesuffix("s")) > GRACE_SECONDS
    assert service("refresh")["init"] is True, "signals reach the schedule"


@pytest.mark.parametrize("given", ["", "0 3 * * *"])
def test_refresh_script_chooses_its_schedule(tmp_path: Path, given: str) -> None:
    """The script itself, with a program in place of `interlace` that writes down how it was called."""
    called = tmp_path / "called"
    program = tmp_path / "interlace"
    program.write_text('#!/bin/sh\nprintf "%s|" "$@" >> "$CALLED"; echo >> "$CALLED"\n')
    program.chmod(0o755)
    variables = {"PATH": f"{tmp_path}:/usr/bin:/bin", "CALLED": str(called), "PLATFORM": "shop", "REFRESH_CRON": given}
    subprocess.run(["sh", ROOT / "deploy/refresh.sh"], env=variables, check=True)
    schedule = f"--cron|{given}" if given else "--every|1d"
    assert called.read_text().splitlines() == ["ingest|/data|--platform|shop|", f"refresh|--now|{schedule}|"]
