"""How often somebody may try to sign in: by account, and by the address they call from.

Only failures count. Attempts are counted in the broker's store, so that all processes count together; while that is
away each process counts by itself, and nobody is refused or let through because of it.
"""

from __future__ import annotations

from typing import Any, Final

from flask import Flask, Response
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from web.collaborators import Web
from web.officer.signing_in import typed_account

BY_ACCOUNT: Final = "10 per 15 minutes"
# A station's officers share one address.
BY_ADDRESS: Final = "60 per 15 minutes"
SIGN_IN: Final = "officer.sign_in"
STORE_TIMEOUT_SECONDS: Final = 1


def register(app: Flask, web: Web) -> None:
    """Limit sign-ins of `app`. Call it once its routes are there."""
    is_shared = web.limits_url.startswith("redis")
    limiter = Limiter(
        get_remote_address,
        app=app,
        storage_uri=web.limits_url,
        storage_options=(
            {"socket_timeout": STORE_TIMEOUT_SECONDS, "socket_connect_timeout": STORE_TIMEOUT_SECONDS}
            if is_shared
            else {}
        ),
        in_memory_fallback_enabled=is_shared,
        swallow_errors=True,
        key_prefix="holdfast",
    )
    by_account = limiter.limit(BY_ACCOUNT, key_func=typed_account, deduct_when=_failed)
    by_address = limiter.limit(BY_ADDRESS, deduct_when=_failed)
    view: Any = app.view_functions[SIGN_IN]
    app.view_functions[SIGN_IN] = by_account(by_address(view))


def _failed(response: Response) -> bool:
    return response.status_code == 403  # noqa: PLR2004 - what the view answers to a wrong password
