// Keeps a page up to date and sends what its buttons and forms mean to the REST API. When something happened the page
// is fetched again and its main part merged into the one that is shown.

const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const live = $("#live");

// ---- Merging

// Makes `old` like `next`, touching only what differs, so that focus, selection, scrolling and typed text stay.
// Children with an id are recognised by it; what carries `data-keep` is the reader's.
function merge(old, next) {
  if (old.nodeType !== next.nodeType || old.nodeName !== next.nodeName) return old.replaceWith(next);
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  if (old.hasAttribute("data-keep")) return;
  if (old.nodeName === "DETAILS") next.open = old.open;
  for (const { name } of [...old.attributes]) if (!next.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of next.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const wanted = new Set([...next.children].map((child) => child.id));
  for (const child of [...old.children]) if (child.id && !wanted.has(child.id)) child.remove();
  const known = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
  let at = old.firstChild;
  for (const child of [...next.childNodes]) {
    const same = child.id ? known.get(child.id) : !at?.id && at?.nodeName === child.nodeName ? at : null;
    if (!same) {
      old.insertBefore(child, at);
      continue;
    }
    if (same === at) at = at.nextSibling;
    else old.insertBefore(same, at);
    merge(same, child);
  }
  while (at) {
    const last = at;
    at = at.nextSibling;
    last.remove();
  }
}

// ---- Refreshing

const GAP = 250; // at most four times a second
let streams = false; // whether events come in
let answers = true; // whether the server does
let paused = false;
let busy = false; // from the first event on, until what it told of is shown
let more = false; // whether something happened while the page was being fetched
let latest = 0; // when the last refresh began

function soon() {
  more = busy;
  if (busy || paused || document.hidden) return;
  busy = true;
  setTimeout(refresh, Math.max(0, latest + GAP - performance.now()));
}

async function refresh() {
  more = false;
  latest = performance.now();
  try {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(10000) });
    if (answer.status === 401) return location.assign("/login");
    if (answer.status >= 500) throw new Error(answer.statusText);
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!paused) take(next);
    answers = true;
  } catch {
    answers = false;
  }
  busy = false;
  tell();
  if (more) soon();
}

function take(next) {
  const focus = document.activeElement;
  const main = $("#main", next);
  if (main) merge($("#main"), main);
  document.title = next.title;
  if (focus !== document.activeElement && focus.isConnected) focus.focus({ preventScroll: true });
  readOut();
  follow();
}

// Reads the counts out, but not all the time.
let told = { text: $("#summary")?.textContent, at: 0 };
function readOut() {
  const text = $("#summary")?.textContent;
  if (!text || text === told.text || performance.now() - told.at < 10000) return;
  told = { text, at: performance.now() };
  $("#news").textContent = text;
}

// Says how fresh the page is.
function tell() {
  const now = paused ? "paused" : !answers ? "stale" : streams ? "live" : "polling";
  const words = { paused: "paused", stale: "no answer: out of date", live: "live", polling: "every 5 s" };
  if (live.dataset.state === now) return;
  live.dataset.state = now;
  live.textContent = words[now];
}

let source = null;
function listen() {
  source?.close();
  source = null;
  streams = false;
  if (paused || document.hidden) return;
  const stream = (source = new EventSource(live.dataset.src));
  stream.onopen = () => {
    streams = true;
    tell();
    soon(); // what happened before
  };
  stream.onerror = () => {
    streams = false; // the browser tries again by itself unless it was refused
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => source === stream && listen(), 15000);
  };
  for (const kind of live.dataset.events.split(" ")) stream.addEventListener(kind, soon);
}

function pause(wanted) {
  paused = wanted;
  $("#pause").setAttribute("aria-pressed", paused);
  $("#pause").textContent = paused ? "Go on" : "Pause";
  listen();
  soon();
  tell();
}

// ---- Doing

const element = (name, properties) => Object.assign(document.createElement(name), properties);

let hush;
function say(text, href) {
  const said = $("#said");
  said.className = "";
  said.replaceChildren(text);
  if (href) said.append(" ", element("a", { href, textContent: "Open it" }));
  clearTimeout(hush);
  hush = setTimeout(() => said.replaceChildren(), 10000);
}

// Sends a JSON body, or none; a refusal is thrown with what it says of each field.
async function post(path, body, headers = {}) {
  if (body) headers["content-type"] = "application/json";
  const answer = await fetch(path, { method: "POST", headers, body: body && JSON.stringify(body) });
  const read = await answer.json().catch(() => ({}));
  if (answer.ok) return read;
  throw Object.assign(new Error(read.detail ?? `${answer.status} ${answer.statusText}`), { errors: read.errors ?? [] });
}

function confirmed(name) {
  const dialog = $("#confirm");
  $("#confirm-target").textContent = name;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => (dialog.onclose = () => resolve(dialog.returnValue === "yes")));
}

const address = (id, verb) => `/api/directives/${encodeURIComponent(id)}/${verb}`;
const page = (id) => `/directives/${encodeURIComponent(id)}`;

const deeds = {
  async cancel({ id, name }) {
    if (!(await confirmed(name))) return;
    await post(address(id, "cancel"));
    say("Called off.");
  },
  async retry({ id }) {
    const { directive_id: again } = await post(address(id, "retry"));
    if (again !== id && location.pathname === page(id)) return location.assign(page(again));
    say(again === id ? "It is due now." : "Submitted again.", page(again));
  },
  start_monitoring: () => post("/mcp/start_monitoring").then(() => say("Agents are handed work.")),
  stop_monitoring: () => post("/mcp/stop_monitoring").then(() => say("Agents are told to stop.")),
  async priority({ id, value }) {
    await post(address(id, "priority"), { priority: value });
    say(`Its priority is ${value} now.`);
  },
};

async function act(verb, details, control) {
  control.disabled = true;
  try {
    await deeds[verb](details);
  } catch (error) {
    say(error.message);
    $("#said").className = "bad";
  }
  control.disabled = false;
  control.focus({ preventScroll: true });
  soon();
}

function copy(node) {
  getSelection().selectAllChildren(node);
  const written = navigator.clipboard?.writeText(node.textContent) ?? Promise.reject(); // closed to pages over http
  written.then(() => say("Copied."), () => say("Selected: copy it with Ctrl+C."));
}

// ---- Adding

const form = $("#add-form");
const newKey = () => crypto.getRandomValues(new Uint32Array(4)).join("-");
let key = newKey(); // sending the same form twice adds once

function values(inputs, name) {
  const found = {};
  for (const input of inputs) {
    const text = input.value.trim();
    if (text) found[name(input)] = input.type === "number" ? Number(text) : text;
    else if (input.validity.badInput) found[name(input)] = "no number";
  }
  return found;
}

function request() {
  const body = values(all("[name]", form), (input) => input.name);
  body.directive = form.elements.directive.value;
  if (body.tags) body.tags = body.tags.split(",").map((tag) => tag.trim()).filter(Boolean);
  if (body.max_retries !== undefined) body.retry_on_failure = true;
  const rules = all(".rule", form).map((rule) => values(all("[data-name]", rule), (input) => input.dataset.name));
  if (rules.length) body.follow_up_rules = rules.map((rule) => ({ condition: "", next_directive: "", ...rule }));
  return body;
}

// The input of a field of the API: `tags[0]` is one of the tags, `follow_up_rules[1].condition` stands in a row.
function inputOf(field) {
  const [, row, part] = field.match(/^follow_up_rules\[(\d+)\]\.?(\w*)/) ?? [];
  if (row) return $(`[data-name="${part || "condition"}"]`, all(".rule", form)[row]);
  return form.elements.namedItem(field.replace(/\[.*/, ""));
}

function mark(errors) {
  for (const wrong of all(".field .wrong", form)) wrong.remove();
  for (const input of all("[aria-invalid]", form)) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  }
  const rest = [];
  errors.forEach(({ field, detail }, index) => {
    const input = inputOf(field);
    if (!input) return rest.push(field, detail);
    const wrong = element("span", { className: "wrong", id: `wrong-${index}`, textContent: detail });
    input.closest(".field").append(wrong);
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", wrong.id);
    input.closest("details").open = true;
  });
  $("#add-wrong").textContent = rest.join(" ");
  $("[aria-invalid]", form)?.focus();
}

async function add(event) {
  event.preventDefault();
  const button = $("[type=submit]", form);
  button.disabled = true;
  try {
    const { directive_id: id } = await post("/api/directives", request(), { "idempotency-key": key });
    form.reset();
    for (const rule of all(".rule", form)) rule.remove();
    mark([]);
    say("Added to the queue.", page(id));
    form.elements.directive.focus();
    soon();
  } catch (error) {
    mark(error.errors?.length ? error.errors : [{ field: "", detail: error.message }]);
    if (!error.errors) return (button.disabled = false); // it may have come through: the key stays
  }
  key = newKey();
  button.disabled = false;
}

// ---- Transcript

let tail = { attempt: null, offset: 0 }; // what is shown already
async function follow() {
  const open = $("#transcript[open]");
  if (!open || tail.busy) return;
  tail.busy = true;
  const answer = await fetch(`${open.dataset.transcript}?offset=${tail.offset}`, { cache: "no-store" }).catch(() => null);
  tail.busy = false;
  if (!answer?.ok) return;
  const { attempt, offset } = tail;
  tail = { attempt: answer.headers.get("baton-attempt"), offset: Number(answer.headers.get("baton-next-offset")) };
  const text = $("#transcript-text");
  if (attempt && attempt !== tail.attempt) {
    text.textContent = "";
    tail.offset = 0;
  } else if (tail.offset > offset) {
    const atEnd = text.scrollTop + text.clientHeight >= text.scrollHeight - 8;
    text.append((await answer.text()).replace(/[^\P{C}\n\t]/gu, "\ufffd"));
    if (atEnd) text.scrollTop = text.scrollHeight;
  } else return;
  follow(); // until there is no more
}

// ---- Keys and clicks

const rowOf = (node) => node?.closest?.("[data-row]");
let place = -1; // of the row that had the focus last

function step(by) {
  const rows = all("[data-row]").filter((row) => row.checkVisibility());
  const here = rows.indexOf(rowOf(document.activeElement));
  place = Math.min(Math.max(here < 0 ? place : here + by, 0), rows.length - 1);
  if (rows[place]) $("a", rows[place]).focus();
}

function press(verb) {
  const row = rowOf(document.activeElement) ?? $("#head");
  row && $(`[data-do="${verb}"]`, row)?.click();
}

function unfold() {
  if (!form) return location.assign("/#add");
  $("#add").open = true;
  form.elements.directive.focus();
}

const keys = {
  "?": () => $("#help").showModal(),
  "/": () => ($("#filter-q") ?? $("#search")).focus(),
  n: unfold,
  j: () => step(1),
  k: () => step(-1),
  r: () => press("retry"),
  c: () => press("cancel"),
  p: () => pause(!paused),
  t: () => $("#theme").click(),
  "g h": () => location.assign("/"),
  "g d": () => location.assign("/directives"),
  "g a": () => location.assign("/docs/"),
};

let first = ""; // of two keys
addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, dialog");
  if (form && event.target.form === form && event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  if (event.key === "Escape" && typing && !$("dialog[open]")) event.target.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !$("#single").checked) return;
  const deed = keys[first + event.key];
  first = !first && event.key === "g" ? "g " : "";
  if (first) setTimeout(() => (first = ""), 1500);
  if (!deed) return;
  event.preventDefault();
  deed();
});

addEventListener("click", (event) => {
  const button = event.target.closest?.("button");
  if (!button) return;
  const { do: verb, copy: text, id, name } = button.dataset;
  if (verb) act(verb, { id, name }, button);
  else if (text) copy(document.getElementById(text));
  else if ("remove" in button.dataset) button.closest(".rule").remove();
  else if (button.id === "add-rule") {
    button.before($("#rule").content.cloneNode(true));
    $("input", button.previousElementSibling).focus();
  } else if (button.id === "pause") pause(!paused);
  else if (button.id === "keys") $("#help").showModal();
});
addEventListener("change", ({ target }) => {
  if (target.dataset.priority) act("priority", { id: target.dataset.priority, value: target.value }, target);
});
addEventListener("toggle", ({ target }) => target.id === "transcript" && follow(), true);
form?.addEventListener("submit", add);

if (live) {
  document.addEventListener("visibilitychange", () => {
    listen();
    soon();
  });
  listen();
  tell();
  setInterval(soon, 5000); // ages, and servers that are gone
  if (location.hash === "#add") unfold();
}
