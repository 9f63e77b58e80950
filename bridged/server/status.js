// Keeps the page as things are, and takes back what was decided about a site. The header makes each
// request one that no other page can send. The stream says that something changed; what, the page says.
"use strict";

const OURS = { "X-Bridged": "status-page" };
const byId = (id) => document.getElementById(id);
const main = document.querySelector("main");
let stream = null;

function take(list, fresh) {
  if (list.innerHTML === fresh.innerHTML) return;
  const before = new Set([...list.children].map((item) => item.textContent));
  const focused = list.contains(document.activeElement) && document.activeElement.dataset.forget;
  list.replaceChildren(...fresh.children);
  if (list.id === "readers") {
    const news = [...list.children].map((item) => item.innerText).filter((text) => text);
    const changed = [...list.children].some((item) => !before.has(item.textContent));
    if (changed) byId("told").textContent = news.join(" / ");
  }
  if (focused) {
    const again = [...list.querySelectorAll("button")].find((button) => button.dataset.forget === focused);
    (again ?? byId("sites-title")).focus();
  }
}

async function refresh() {
  const answer = await fetch("/", { cache: "no-store" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const list of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(list.id);
    if (other) take(list, other);
  }
  main.dataset.count = fresh.querySelector("main").dataset.count;
}

function show({ live, lost }) {
  byId("live").hidden = !live;
  byId("still").hidden = live;
  byId("running").hidden = lost;
  byId("lost").hidden = !lost;
}

async function follow() {
  const own = new AbortController();
  stream = own;
  let began = false;
  try {
    const answer = await fetch("/status/changes", { headers: OURS, signal: own.signal });
    if (!answer.ok) return;
    began = true;
    show({ live: true, lost: false });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let told = await reader.read(); !told.done; told = await reader.read()) {
      const count = told.value.trim().split("\n").at(-1);
      if (count !== main.dataset.count) await refresh();
    }
  } catch (error) {
    if (error.name !== "AbortError" && error.name !== "TypeError") throw error;
    began = true;
  } finally {
    if (stream === own) stream = null;
    if (began && !own.signal.aborted) show({ live: false, lost: true });
  }
}

// ---- what only the browser itself can tell ----

const SOCKET_MS = 5000;

function opens() {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://${location.host}/v1`, "bridged.v1");
    const told = (state) => {
      resolve(state);
      socket.close();
    };
    socket.onopen = () => told("open");
    socket.onerror = () => told("failed");
    setTimeout(() => told("failed"), SOCKET_MS);
  });
}

/** Whether pages may reach this computer: the name of it now, and that of Chromium before 145. */
async function permission() {
  for (const name of ["loopback-network", "local-network-access"]) {
    try {
      return (await navigator.permissions.query({ name })).state;
    } catch {
      // This browser does not know it by that name.
    }
  }
  return "unknown";
}

/** How many scripts, frames and styles are here that this page did not bring. */
function foreign() {
  const own = new Set(["/base.css", "/status.css", "/status.js"].map((path) => location.origin + path));
  const found = document.querySelectorAll("script, style, link, iframe, object, embed");
  const beside = [...document.documentElement.children].length - 2;
  return [...found].filter((each) => !own.has(each.src || each.href)).length + beside;
}

async function examineBrowser() {
  const seen = { socket: await opens(), permission: await permission(), foreign: foreign(), now: Date.now() };
  const answer = await fetch("/status/browser", {
    method: "POST",
    headers: { "Content-Type": "application/json", ...OURS },
    body: JSON.stringify(seen),
  });
  if (!answer.ok) return;
  const { problems, goods } = await answer.json();
  for (const [id, rows] of [["browser-problems", problems], ["browser-goods", goods]]) {
    const parsed = new DOMParser().parseFromString(rows, "text/html");
    byId(id).replaceChildren(...parsed.body.children);
  }
}

examineBrowser().catch(() => null);

// A page that nobody looks at holds no connection.
function attend() {
  if (document.hidden) stream?.abort();
  else if (stream === null || stream.signal.aborted) follow();
}

document.addEventListener("visibilitychange", attend);
attend();

byId("sites").addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-forget]");
  if (button === null) return;
  button.disabled = true;
  const answer = await fetch("/sites/forget", {
    method: "POST",
    headers: { "Content-Type": "application/json", ...OURS },
    body: JSON.stringify({ origin: button.dataset.forget }),
  }).catch(() => null);
  byId("failed").hidden = Boolean(answer?.ok);
  if (answer?.ok) {
    await refresh();
    byId("sites-title").focus();
  } else {
    button.disabled = false;
  }
});
