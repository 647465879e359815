/**
 * Sends an urgent analysis, says what follows from its result, and who is told of it.
 *
 *     node send_with_follow_ups.ts [WEBHOOK_URL]
 *
 * Prints {"directive_id": …}.
 */
import { Baton, reason, type Directive } from "./baton_client.ts";

const webhook = process.argv[2] ?? "http://127.0.0.1:9000/webhooks/baton";

const directive: Directive = {
  directive: "Analyze Q4 sales performance by region and product category",
  priority: "urgent",
  tags: ["sales", "quarterly-review", "executive"],
  // Is told the final result, signed; receive_webhooks.ts is what listens there.
  webhook,
  // Each rule is looked at once, when the directive has ended; every one that holds puts its directive into the queue.
  follow_up_rules: [
    {
      condition: "success AND result.contains('declining')",
      next_directive: "Create a detailed action plan against the declining sales that the analysis found",
      priority: "high",
    },
    {
      condition: "success AND result.contains('growth')",
      next_directive: "Prepare an executive presentation of the growth strategies that worked",
      delay_seconds: 60,
    },
    {
      // It failed, and so did every retry.
      condition: "error",
      next_directive: "Find out why the analysis of Q4 sales fails, and say what is missing",
      priority: "urgent",
    },
  ],
  // Two more attempts, 30 and 60 seconds later; the agent is told what went wrong before.
  retry_on_failure: true,
  max_retries: 2,
  retry_delay: 30,
  retry_backoff: 2,
  // An agent that says nothing for so long has lost it, and another gets it.
  timeout_seconds: 1800,
};

try {
  console.log(JSON.stringify({ directive_id: await Baton.fromEnv().submit(directive) }));
} catch (error) {
  console.error(`not sent: ${reason(error)}`);
  process.exitCode = 1;
}
