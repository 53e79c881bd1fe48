"""verify.html in Debian's Chromium, opened from disk: one page for all tests of a process, in a thread of its own.

Playwright allows one event loop per thread, and other tests' browsers have theirs in the main one.
"""

from __future__ import annotations

import atexit
import base64
import queue
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.chromium import ARGUMENTS, chromium

PAGE = Path(__file__).resolve().parent.parent / "archive" / "verify.html"
# Above this a file is picked as a person would: a long text takes seconds on its way into the page.
PICKED_FROM_BYTES = 1 << 17
CALL = """
async ({ raw, policy, earlier, roots, required }) => {
  const picked = document.getElementById("package").files[0];
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const options = {
    policy: policy === null ? null : bytes(policy),
    earlier: earlier.map(bytes),
    tsaRoots: roots === null ? null : bytes(roots),
    requireTimestamps: required,
  };
  return holdfastVerify(raw === null ? picked : new Blob([bytes(raw)]), options);
}
"""


class BrowserVerifier:
    """The page, ready for one package after another."""

    def __init__(self) -> None:
        self._calls: queue.Queue[tuple[Path, dict[str, Any], Future[Any]] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def verify(
        self,
        package: Path,
        policy: str | bytes | None,
        *,
        earlier: Iterable[bytes] = (),
        tsa_roots: bytes | None = None,
        require_timestamps: int = 0,
    ) -> dict[str, Any]:
        """What verify.html answers; in the words of `verify.py --json`."""
        text = policy.encode("utf-8", "surrogateescape") if isinstance(policy, str) else policy
        is_small = package.stat().st_size < PICKED_FROM_BYTES
        arguments = {
            "raw": encoded(package.read_bytes()) if is_small else None,
            "policy": None if text is None else encoded(text),
            "earlier": [encoded(note) for note in earlier],
            "roots": None if tsa_roots is None else encoded(tsa_roots),
            "required": require_timestamps,
        }
        answer: Future[Any] = Future()
        self._calls.put((package, arguments, answer))
        return answer.result(timeout=240)

    def close(self) -> None:
        """End the browser."""
        self._calls.put(None)
        self._thread.join(timeout=30)

    def _serve(self) -> None:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
            page = opened(browser.new_context(offline=True).new_page())
            while call := self._calls.get():
                package, arguments, answer = call
                try:
                    if arguments["raw"] is None:
                        page.set_input_files("#package", package)
                    answer.set_result(page.evaluate(CALL, arguments))
                except BaseException as error:  # noqa: BLE001 - handed to the test that asked
                    answer.set_exception(error)
            browser.close()


def opened(page: Page) -> Page:
    page.goto(PAGE.as_uri())
    page.wait_for_function("() => 'holdfastVerify' in globalThis")
    return page


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


_found: list[BrowserVerifier] = []


def browser_verifier() -> BrowserVerifier:
    """The one of this process; started when first asked for."""
    if not _found:
        _found.append(BrowserVerifier())
    return _found[0]
