"""The image: what goes in, that it suffices, and that it runs as nobody special."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compose.installation import OURS, ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def context() -> list[Path]:
    """The files .dockerignore lets through, of those git keeps; it is a list of what may, and three things that may not."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    let_through = [line[1:] for line in lines if line.startswith("!")]
    kept_out = [line for line in lines[1:] if not line.startswith("!")]
    assert kept_out == ["**/__pycache__", "static/build", "static/verifier"]
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", *let_through], check=True, capture_output=True, text=True)
    names = [name for name in listed.stdout.splitlines() if not name.startswith("static/build/")]
    return [Path(name) for name in names if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """The image's files in a folder."""
    folder = tmp_path_factory.mktemp("image")
    for name in context():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


def run(image, *arguments, **environ):
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from tests.compose.production import main; main()"
    command = [sys.executable, "-P", "-c", code, str(ROOT), *arguments]
    return subprocess.run(
        command, cwd=image, env={"PATH": "/usr/bin:/bin", **environ}, capture_output=True, text=True, check=False
    )


def test_what_is_let_through_exists():
    names = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert all((ROOT / name).exists() for name in names)


def test_no_secret_no_test_and_none_of_the_embedded_parts_go_in():
    rooms = {name.parts[0] for name in context()}
    assert not rooms & {"services", "tests", "benchmarks", "secrets", ".git", ".holdfast", ".venv"}
    assert rooms >= {
        "archive",
        "cli",
        "intake",
        "locale",
        "migrations",
        "replies",
        "static",
        "templates",
        "timeline",
        "web",
        "workers",
    }


def test_the_command_starts_without_the_embedded_parts(image):
    done = run(image, "--help")
    assert done.returncode == 0, done.stderr
    for name in OURS:
        assert f"\n  {name} " in done.stdout
    assert "\n  demo " not in done.stdout


@pytest.mark.parametrize("name", [name for name in OURS if name != "doctor"])
def test_each_process_needs_nothing_but_what_production_has(image, name):
    """Without a setting each says which it misses: so all that it imports is there."""
    done = run(image, name, HOLDFAST_SECRET_KEY_FILE="/nowhere")
    assert done.returncode == 1, done.stderr
    assert re.search(r"set HOLDFAST_\w+: ", done.stderr), done.stderr


def test_a_process_given_its_settings_by_files_uses_them(installation, image, tmp_path):
    """As compose gives them: `holdfast doctor` must examine the installation it was told of, and start no other."""
    for setting in ("HOLDFAST_DATABASE_URL", "HOLDFAST_BROKER_URL"):
        (tmp_path / setting).write_text(installation.environ.pop(setting))
        installation.environ[f"{setting}_FILE"] = str(tmp_path / setting)
    done = run(image, "doctor", **installation.environ)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "WORM self-test" in done.stdout


def test_packages_are_installed_by_digest_and_none_is_built():
    assert "--require-hashes --only-binary :all: -r requirements-production.lock" in DOCKERFILE


def test_nobody_special_runs_it():
    stages = DOCKERFILE.split("FROM python:")[1:]
    assert len(stages) == 2
    assert re.search(r"^USER 10001:10001$", stages[-1], re.MULTILINE)
    assert not re.search(r"chown|chmod 777", stages[-1])


def test_it_says_how_it_is_and_which_commit_it_is():
    assert "HEALTHCHECK" in DOCKERFILE
    assert '["python", "docker/health.py", "web"]' in DOCKERFILE
    assert re.search(r"ARG COMMIT.*\n.*echo \"\$COMMIT\" > COMMIT", DOCKERFILE)


def test_the_python_is_the_oldest_we_support_as_tests_run_it():
    assert set(re.findall(r"FROM python:(\S+)", DOCKERFILE)) == {"3.11-slim-bookworm"}
