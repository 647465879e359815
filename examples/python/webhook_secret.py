"""Prints what signs the calls to the `webhook` URLs of one's directives, as receive_webhooks.py wants it.

    export BATON_WEBHOOK_SECRET="$(python3 webhook_secret.py)"

It is the same for all directives of the principal whose token asks.
"""

import sys

from baton_client import Baton, Refused


def main() -> None:
    try:
        # Several after a rotation: the old one goes on signing for a day beside the new one.
        print(" ".join(Baton.from_env().webhook_secrets()))
    except (Refused, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
