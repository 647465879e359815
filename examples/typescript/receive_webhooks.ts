/**
 * Receives the results of directives, and believes only what Baton signed (Standard Webhooks 1.0).
 *
 *     BATON_WEBHOOK_SECRET="whsec_…" node receive_webhooks.ts [PORT]
 *
 * Prints {"listening": URL}, then a line of JSON for each result. Several secrets may stand in BATON_WEBHOOK_SECRET, with
 * spaces between. `standardwebhooks` on npm does what `verifiedId` does here, if you would rather have a package.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

const PATH = "/webhooks/baton";
const TOLERANCE_SECONDS = 300;
const LONGEST_BODY = 16 * 1024 * 1024;
const REMEMBERED = 100_000;

/** What Baton tells of a directive that has ended. */
interface Message {
  event: string;
  directive_id: string;
  directive: string;
  success: boolean;
  result: string;
  error: string | null;
  tags: string[];
}

/** Why a call is not taken. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, reason: string) {
    super(reason);
    this.status = status;
  }
}

/** The `webhook-id` of a message, if one of its signatures was made with one of the secrets, and lately. */
function verifiedId(secrets: Buffer[], headers: IncomingHttpHeaders, body: Buffer): string {
  const [id, timestamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) =>
    String(headers[name] ?? ""),
  ) as [string, string, string];
  // An old message would be good for ever to whoever got hold of it.
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) {
    throw new Refusal(401, "webhook-timestamp is missing, too old or too new");
  }
  const wanted = secrets.map((secret) => createHmac("sha256", secret).update(`${id}.${timestamp}.`).update(body).digest());
  for (const signature of signatures.split(" ")) {
    const [version, encoded] = signature.split(",", 2);
    const given = Buffer.from(encoded ?? "", "base64");
    // Takes the same time wherever they differ, so that nobody can feel their way to a signature.
    if (version === "v1" && wanted.some((one) => one.length === given.length && timingSafeEqual(one, given))) return id;
  }
  throw new Refusal(401, "no signature in webhook-signature fits");
}

/**
 * Ids of messages that were taken: Baton sends a message again, under the same id, until it hears that it has arrived.
 * Where a lost process must not take one twice, keep them in your database, in the transaction of what they change.
 */
const taken = new Set<string>();

function takeOnce(id: string, message: Message): void {
  if (taken.has(id)) {
    console.error(`${id} is here already`);
    return;
  }
  handle(id, message);
  // Only now: if handling fails, the message shall come again. If yours awaits something, hold back its repeats meanwhile.
  taken.add(id);
  if (taken.size > REMEMBERED) taken.delete(taken.values().next().value ?? "");
}

/** Here your own work begins: update the dashboard, call somebody. */
function handle(id: string, message: Message): void {
  const { event, directive_id, directive, success, result, error, tags = [] } = message;
  const action = !success ? "escalate_to_human" : tags.includes("sales") ? "update_sales_dashboard" : "none";
  console.log(JSON.stringify({ webhook_id: id, event, directive_id, directive, success, result, error, action }));
}

async function receive(secrets: Buffer[], request: IncomingMessage): Promise<void> {
  if (request.method !== "POST" || request.url !== PATH) throw new Refusal(404, `nothing but POST ${PATH} is here`);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > LONGEST_BODY) throw new Refusal(413, "the body is too long");
    chunks.push(chunk);
  }
  // The signature is over the bytes as they came: parse them only afterwards.
  const body = Buffer.concat(chunks);
  takeOnce(verifiedId(secrets, request.headers, body), JSON.parse(body.toString()));
}

const secrets = (process.env.BATON_WEBHOOK_SECRET ?? "").split(/\s+/).filter((secret) => secret !== "");
if (secrets.length === 0) {
  console.error("BATON_WEBHOOK_SECRET is not set: webhook_secret.ts prints it");
  process.exit(1);
}
const keys = secrets.map((secret) => Buffer.from(secret.replace(/^whsec_/, ""), "base64"));

const server = createServer((request, response) => {
  receive(keys, request).then(
    () => response.writeHead(204).end(),
    (error: unknown) => {
      console.error(`${error}`);
      const [status, reason] = error instanceof Refusal ? [error.status, error.message] : [500, "not handled"];
      response.writeHead(status, { Connection: "close" }).end(reason);
    },
  );
});
server.requestTimeout = 10_000; // for a caller that says nothing
server.listen(Number(process.argv[2] ?? 9000), "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ listening: `http://127.0.0.1:${port}${PATH}` }));
});
