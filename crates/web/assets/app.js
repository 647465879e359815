// Fetches the page again every two seconds and puts its main part in place of the old one, unless the page is hidden,
// somebody is selecting text in it, or nothing has changed.
"use strict";

const stale = document.getElementById("stale");

async function refresh() {
  const main = document.querySelector("main");
  if (document.hidden || !getSelection().isCollapsed || main.contains(document.activeElement)) return;
  try {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error(answer.statusText);
    const next = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    if (next.innerHTML !== main.innerHTML) main.replaceWith(next);
    stale.hidden = true;
  } catch {
    stale.hidden = false;
  }
}

async function loop() {
  await refresh();
  setTimeout(loop, 2000);
}

setTimeout(loop, 2000);
