"""A browser that is Debian's own, and a way to put an application in front of it."""

import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from werkzeug.serving import make_server

from tests.chromium import ARGUMENTS, chromium
from web import headers, public
from web.brand import Brand, Service
from web.components import create_shell

AXE_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
DESKTOP, PHONE, SMALL_PHONE = 1280, 390, 320
PUBLIC_URL = "https://help.example.org"

Serve = Callable[[Flask], str]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    return {**browser_type_launch_args, "executable_path": chromium(), "args": ARGUMENTS}


@pytest.fixture(scope="session")
def base_url() -> None:
    """Ours in place of the plugin's, which is written as a method: pytest 9 warns of that, and warnings are errors."""


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Put an application on a free loopback port; returns its address. It stops with the test."""
    running = []

    def start(app: Flask) -> str:
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()


@pytest.fixture(scope="session")
def brand() -> Brand:
    return Brand(
        body_name="Exampleshire Police",
        intake_number="07700 900123",
        intake_address="post@intake.example.org",
        services=(Service("Example Refuge", "01632 960001", "https://refuge.example.org/"), Service("Safe Steps")),
        privacy_contact="privacy@exampleshire.example.org",
        accessibility_contact="pages@exampleshire.example.org",
    )


@pytest.fixture(scope="session")
def public_app(brand) -> Flask:
    """The public pages alone: no database, no session, no secret. One for all: its templates compile once."""
    app = create_shell(brand)
    headers.register(app)
    app.register_blueprint(public.make_blueprint(brand, PUBLIC_URL))
    return app


@pytest.fixture
def site(installation):
    """The whole application over an installation of this test's own."""
    from tests.web.officers import make_site

    return make_site(installation)
