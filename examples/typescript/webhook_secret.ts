/**
 * Prints what signs the calls to the `webhook` URLs of one's directives, as receive_webhooks.ts wants it.
 *
 *     export BATON_WEBHOOK_SECRET="$(node webhook_secret.ts)"
 *
 * It is the same for all directives of the principal whose token asks.
 */
import { Baton, reason } from "./baton_client.ts";

try {
  // Several after a rotation: the old one goes on signing for a day beside the new one.
  console.log((await Baton.fromEnv().webhookSecrets()).join(" "));
} catch (error) {
  console.error(reason(error));
  process.exitCode = 1;
}
