"""The security headers of every response, and the one-time number that its inline style and script carry.

Nothing may load from another host, nothing may frame us, and no page is kept by the browser: a phone may be in other
hands. A view that needs stricter rules (a mail's formatted text, say) sets its own header; what it set is left alone.
"""

import secrets
from typing import Final

from flask import Flask, Response, g, request

NONCE_BYTES: Final = 16
STATIC_ENDPOINT: Final = "static"

FIXED: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # Where somebody was must not be told to where they go, "exit this page" least of all.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # A name looked up ahead of a click can be seen by whoever runs that name.
    "X-DNS-Prefetch-Control": "off",
    "X-Frame-Options": "DENY",
}
DAY_SECONDS: Final = 24 * 60 * 60
YEAR_SECONDS: Final = 365 * DAY_SECONDS


def register(app: Flask) -> None:
    """Put the headers on every response of `app` and offer `csp_nonce()` to its templates."""
    app.after_request(add_headers)
    app.jinja_env.globals["csp_nonce"] = csp_nonce


def csp_nonce() -> str:
    """Return this request's nonce: the same one for the whole response, another for the next."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(NONCE_BYTES)
    nonce: str = g.csp_nonce
    return nonce


def content_security_policy(nonce: str) -> str:
    """Return the policy: our own files, the one nonced style and script, and nothing else."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "frame-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def add_headers(response: Response) -> Response:
    """Add each header that the view did not set itself."""
    if request.endpoint == STATIC_ENDPOINT and response.status_code in {200, 304}:
        # Style and script say nothing of the page they belong to. With `v`, an address changes when its bytes do.
        lifetime = f"{YEAR_SECONDS}, immutable" if "v" in request.args else f"{DAY_SECONDS}"
        response.headers["Cache-Control"] = f"public, max-age={lifetime}"
    for name, value in FIXED.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", content_security_policy(csp_nonce()))
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", f"max-age={YEAR_SECONDS}")
    return response
