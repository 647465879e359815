"""Follows what happens to one's directives, and shows the figures whenever one of them has ended.

    python3 monitor.py [AFTER]

AFTER is the id of the last event that was seen, as this program prints it; 0 begins with the oldest that is kept, and
without it the monitor begins now. From the first event on, a break of the connection or a restart of Baton loses none.
"""

from __future__ import annotations

import sys

from baton_client import Baton, Event, Refused

ENDED = {"directive.completed", "directive.failed", "directive.dead", "directive.cancelled"}


def show_figures(baton: Baton) -> None:
    queue = baton.call("GET", "/api/queue")
    analytics = baton.call("GET", "/mcp/analytics")
    print(
        f"queue: {queue['pending_directives']} pending, {queue['active_directives']} active, "
        f"{queue['completed_directives']} completed"
    )
    print(
        f"results: {analytics['total_completed']} in all, success rate {analytics['success_rate']:.1%}, "
        f"average {analytics['average_execution_time']:.1f} s"
    )
    for pattern in analytics["common_failure_patterns"]:
        print(f"failures: {pattern}")
    for result in baton.call("GET", "/api/results?limit=3"):
        text = result["result"] or result["error"] or ""
        print(f"recent: {'ok' if result['success'] else 'FAILED'}  {' '.join(text.split())[:100]}")


def show_event(event: Event) -> None:
    if event.kind == "gap":  # what was asked for is no longer kept
        print(f"gap: nothing is kept between {event.data['after']} and {event.data['oldest']}")
    else:
        print(f"event {event.id}: {event.kind} {event.data.get('directive_id', '')}".rstrip())


def main() -> None:
    baton = Baton.from_env()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        show_figures(baton)
        for event in baton.events("directive.*", after=sys.argv[1] if len(sys.argv) > 1 else ""):
            show_event(event)
            if event.kind in ENDED:
                show_figures(baton)
    except (Refused, OSError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
