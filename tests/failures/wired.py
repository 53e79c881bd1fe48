"""`python -m tests.failures.wired --home DIR`: the house as `holdfast up` runs it, each process at the end of a wire.

`HOLDFAST_TEST_WIRES` has, as JSON, the settings that lead over wires of the harness instead of straight to the parts, and
under `webhook` where Twilio's webhooks go first.
"""

import argparse
import json
import os
from pathlib import Path

from cli.local import house_environment, house_processes, prepare
from services.embedded import embedded
from services.webhook import Webhook

WIRES = "HOLDFAST_TEST_WIRES"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.failures.wired")
    parser.add_argument("--home", type=Path, required=True)
    wires = json.loads(os.environ.pop(WIRES))
    relay = wires.pop("webhook")
    parts = embedded(parser.parse_args().home, environ={})
    parts.supervisor.listen()
    with parts:
        environment = house_environment(parts, None, os.environ)
        prepare(environment)
        # Commands beside us go straight: what they find is not to depend on the weather.
        parts.publish(environment)
        parts.supervisor.start(house_processes(environment | wires))
        door = f"{environment['HOLDFAST_PUBLIC_URL']}/intake/sms"
        parts.twilio.set_webhook(Webhook(door, f"{relay}/intake/sms"))
        print(f"Holdfast is at {environment['HOLDFAST_PUBLIC_URL']}", flush=True)
        parts.supervisor.run()


if __name__ == "__main__":
    main()
