"""The Twilio stand-in served from a thread of the test, so that a test can look into its store and change it."""

from __future__ import annotations

import threading
from typing import Any, Self

from werkzeug.serving import make_server

from intake.twilio_api import TwilioApi
from services.twilio import make_app
from services.twilio_api import Account
from services.twilio_store import Store


class Serving:
    """A server on loopback; what it serves is said once its address is known."""

    def __init__(self) -> None:
        self._app: Any = None
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def serve(self, store: Store, account: Account) -> None:
        """Answer as Twilio, from this store."""
        self._store, self._app = store, make_app(store, account)

    def _answer(self, environ: Any, start_response: Any) -> Any:
        return self._app(environ, start_response)

    def api(self, sid: str, token: str, *, url: str | None = None) -> TwilioApi:
        """The REST side as the worker has it."""
        return TwilioApi(sid, token, api_url=url or self.url)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._store._connection.close()
