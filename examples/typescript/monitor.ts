/**
 * Follows what happens to one's directives, and shows the figures whenever one of them has ended.
 *
 *     node monitor.ts [AFTER]
 *
 * AFTER is the id of the last event that was seen, as this program prints it; 0 begins with the oldest that is kept, and
 * without it the monitor begins now. From the first event on, a break of the connection or a restart of Baton loses none.
 */
import { Baton, reason, type Event } from "./baton_client.ts";

const ENDED = new Set(["directive.completed", "directive.failed", "directive.dead", "directive.cancelled"]);

interface Queue {
  pending_directives: number;
  active_directives: number;
  completed_directives: number;
}

interface Analytics {
  total_completed: number;
  success_rate: number;
  average_execution_time: number;
  common_failure_patterns: string[];
}

interface Result {
  success: boolean;
  result: string;
  error: string | null;
}

async function showFigures(baton: Baton): Promise<void> {
  const queue = await baton.call<Queue>("GET", "/api/queue");
  const analytics = await baton.call<Analytics>("GET", "/mcp/analytics");
  console.log(
    `queue: ${queue.pending_directives} pending, ${queue.active_directives} active, ` +
      `${queue.completed_directives} completed`,
  );
  console.log(
    `results: ${analytics.total_completed} in all, success rate ${(100 * analytics.success_rate).toFixed(1)}%, ` +
      `average ${analytics.average_execution_time.toFixed(1)} s`,
  );
  for (const pattern of analytics.common_failure_patterns) console.log(`failures: ${pattern}`);
  for (const { success, result, error } of await baton.call<Result[]>("GET", "/api/results?limit=3")) {
    const text = (result || error || "").trim().replace(/\s+/g, " ");
    console.log(`recent: ${success ? "ok" : "FAILED"}  ${text.slice(0, 100)}`);
  }
}

function showEvent({ id, kind, data }: Event): void {
  if (kind === "gap") {
    // What was asked for is no longer kept.
    console.log(`gap: nothing is kept between ${data.after} and ${data.oldest}`);
  } else {
    console.log(`event ${id}: ${kind} ${data.directive_id ?? ""}`.trimEnd());
  }
}

const baton = Baton.fromEnv();
try {
  await showFigures(baton);
  for await (const event of baton.events("directive.*", process.argv[2])) {
    showEvent(event);
    if (ENDED.has(event.kind)) await showFigures(baton);
  }
} catch (error) {
  console.error(reason(error));
  process.exitCode = 1;
}
