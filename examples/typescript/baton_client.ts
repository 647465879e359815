/**
 * A small client of Baton's REST API, without dependencies: copy it and change it.
 *
 * BATON_URL says where Baton is (http://127.0.0.1:8000 if it is not set), BATON_TOKEN who calls. On Baton's own machine
 * no token is needed, unless its `auth.mode` is "required".
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

export type Priority = "urgent" | "high" | "medium" | "low";

export interface FollowUpRule {
  condition: string;
  next_directive: string;
  priority?: Priority;
  delay_seconds?: number;
}

export interface Directive {
  directive: string;
  priority?: Priority;
  tags?: string[];
  webhook?: string;
  follow_up_rules?: FollowUpRule[];
  retry_on_failure?: boolean;
  max_retries?: number;
  retry_delay?: number;
  retry_backoff?: number;
  timeout_seconds?: number;
  idempotency_key?: string;
}

/** One line of Baton's log. */
export interface Event {
  id: string;
  kind: string;
  data: Record<string, string>;
}

/** Baton does not do what was asked: status, code and reason, as its problem+json (RFC 9457) has them. */
export class Refused extends Error {
  status = 0;
  code = "";

  static async of(response: Response): Promise<Refused> {
    // What is no JSON comes from a proxy on the way.
    const problem = await response.json().catch(() => ({}));
    const error = new Refused(`${response.status} ${problem.code ?? ""}: ${problem.detail ?? response.statusText}`);
    return Object.assign(error, { status: response.status, code: problem.code ?? "" });
  }
}

export class Baton {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token = "") {
    this.#url = url.replace(/\/+$/, "");
    this.#token = token;
  }

  static fromEnv(): Baton {
    return new Baton(process.env.BATON_URL || "http://127.0.0.1:8000", process.env.BATON_TOKEN);
  }

  /** Puts a directive into the queue: its id. With the key, a submission that is sent twice is still one. */
  async submit(directive: Directive): Promise<string> {
    const body = { idempotency_key: randomUUID(), ...directive };
    return (await this.call<{ directive_id: string }>("POST", "/api/directives", body)).directive_id;
  }

  /** What signs the calls to the `webhook` URLs of one's own directives, the newest first. */
  async webhookSecrets(): Promise<string[]> {
    return (await this.call<{ secrets: string[] }>("GET", "/api/webhooks/signer")).secrets;
  }

  /** What happens from now on, or after the event with that id, without end; a break is bridged. */
  async *events(kinds = "*", after = ""): AsyncGenerator<Event> {
    for (;;) {
      const silent = new AbortController();
      // A living stream says something every 15 seconds at least.
      const alarm = setTimeout(() => silent.abort(new Error("the stream fell silent")), 45_000);
      try {
        const headers: Record<string, string> = after ? { "Last-Event-ID": after } : {};
        const path = `/api/events?${new URLSearchParams({ kind: kinds })}`;
        const response = await this.#fetch("GET", path, { headers, signal: silent.signal });
        if (!response.ok && !isPassing(response)) throw await Refused.of(response);
        if (response.ok && response.body) {
          for await (const frame of frames(response.body, () => alarm.refresh())) {
            after = frame.id ?? after;
            if (frame.data === undefined) continue;
            const payload = JSON.parse(frame.data);
            yield { id: after, kind: frame.event ?? "message", data: payload.data ?? payload };
          }
        }
        console.error("the stream ended; connecting again");
      } catch (error) {
        if (error instanceof Refused) throw error;
        console.error(`${reason(error)}; connecting again`);
      } finally {
        clearTimeout(alarm);
        silent.abort(); // closes the connection when the caller has enough
      }
      await sleep(1000);
    }
  }

  /** A request and its JSON. When nobody answers it is sent again: nothing here does harm twice. */
  async call<T>(method: string, path: string, body?: object): Promise<T> {
    const waits = [500, 1000, 2000, 4000];
    for (;;) {
      let pause = 0;
      try {
        const response = await this.#fetch(method, path, { body, signal: AbortSignal.timeout(30_000) });
        if (response.ok) return (await response.json()) as T;
        if (!isPassing(response) || waits.length === 0) throw await Refused.of(response);
        pause = 1000 * Number(response.headers.get("Retry-After") ?? 0);
        await response.body?.cancel();
      } catch (error) {
        if (error instanceof Refused || waits.length === 0) throw error;
      }
      await sleep(Math.max(pause, waits.shift() ?? 0));
    }
  }

  #fetch(
    method: string,
    path: string,
    { body, headers = {}, signal }: { body?: object; headers?: Record<string, string>; signal: AbortSignal },
  ): Promise<Response> {
    if (body) headers["Content-Type"] = "application/json";
    if (this.#token) headers["Authorization"] = `Bearer ${this.#token}`;
    return fetch(this.#url + path, { method, headers, signal, body: body && JSON.stringify(body) });
  }
}

/** An error in words: that of `fetch` says nothing but "fetch failed"; why is its cause. */
export function reason(error: unknown): string {
  const why = error instanceof Error ? (error.cause ?? error) : error;
  return why instanceof Error ? why.message : String(why);
}

/** Whether the same request may well be answered a little later. */
function isPassing(response: Response): boolean {
  return response.status === 429 || response.status === 503;
}

/** Server-sent events, each as its fields. One that is cut off in the middle is left out: it comes again. */
async function* frames(body: ReadableStream<Uint8Array>, heard: () => void): AsyncGenerator<Record<string, string>> {
  const decoder = new TextDecoder();
  let buffer = "";
  for await (const chunk of body) {
    heard();
    const parts = (buffer + decoder.decode(chunk, { stream: true })).split("\n\n");
    buffer = parts.pop() ?? "";
    for (const part of parts) {
      yield Object.fromEntries(part.split("\n").map((line) => line.split(/: ?(.*)/s, 2)));
    }
  }
}
