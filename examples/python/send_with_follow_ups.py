"""Sends an urgent analysis, says what follows from its result, and who is told of it.

    python3 send_with_follow_ups.py [WEBHOOK_URL]

Prints {"directive_id": …}.
"""

from __future__ import annotations

import json
import sys

from baton_client import Baton, Refused

WEBHOOK_URL = "http://127.0.0.1:9000/webhooks/baton"


def main() -> None:
    webhook = sys.argv[1] if len(sys.argv) > 1 else WEBHOOK_URL
    directive = {
        "directive": "Analyze Q4 sales performance by region and product category",
        "priority": "urgent",
        "tags": ["sales", "quarterly-review", "executive"],
        # Is told the final result, signed; receive_webhooks.py is what listens there.
        "webhook": webhook,
        # Each rule is looked at once, when the directive has ended; every one that holds puts its directive into the queue.
        "follow_up_rules": [
            {
                "condition": "success AND result.contains('declining')",
                "next_directive": "Create a detailed action plan against the declining sales that the analysis found",
                "priority": "high",
            },
            {
                "condition": "success AND result.contains('growth')",
                "next_directive": "Prepare an executive presentation of the growth strategies that worked",
                "delay_seconds": 60,
            },
            {
                # It failed, and so did every retry.
                "condition": "error",
                "next_directive": "Find out why the analysis of Q4 sales fails, and say what is missing",
                "priority": "urgent",
            },
        ],
        # Two more attempts, 30 and 60 seconds later; the agent is told what went wrong before.
        "retry_on_failure": True,
        "max_retries": 2,
        "retry_delay": 30,
        "retry_backoff": 2,
        # An agent that says nothing for so long has lost it, and another gets it.
        "timeout_seconds": 1800,
    }
    try:
        directive_id = Baton.from_env().submit(directive)
    except (Refused, OSError) as error:
        sys.exit(f"not sent: {error}")
    print(json.dumps({"directive_id": directive_id}))


if __name__ == "__main__":
    main()
