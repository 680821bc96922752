// Keeps a page as it is on the server: says whether it does, renews regions when builds change, moves times on.
// What attributes mean stands in app/ui/fragments.py.

const html = document.documentElement;
const { account, heard } = html.dataset;
html.dataset.scripts = "";

// ---- HTML from the server

const policy = (globalThis.trustedTypes ?? { createPolicy: (_, rules) => rules }).createPolicy("gantry", {
  createHTML(text, answer) {
    const isPage = answer.headers.get("Content-Type")?.startsWith("text/html");
    if (isPage && new URL(answer.url).origin === location.origin) return text;
    throw new TypeError(`${answer.url} is no page of this server`);
  },
});

/** Regions of the page at an address; `known` has the tag of what is shown. Undefined where nothing is new. */
export async function ask(address, ids, known = {}, signal = undefined) {
  const names = ids.join(", ");
  const { id: own } = document.querySelector(ids.map((id) => `#${CSS.escape(id)} [data-own]`).join()) ?? {};
  const sent = { "Gantry-Region": names, "Gantry-Own": own, "If-None-Match": known.names === names && known.tag };
  if (known === shown) sent.Priority = "u=7"; // nobody waits for what keeps the page as it is
  const headers = Object.entries(sent).filter(([, value]) => value);
  const answer = await fetch(address, { headers, signal, cache: "no-store", redirect: "manual" });
  if (answer.status === 401 || (answer.headers.get("Gantry-Account") ?? account) !== account) become("out");
  if (answer.status === 304 || state === "out") return undefined;
  if (!answer.ok) throw answer;
  const text = policy.createHTML(await answer.text(), answer);
  Object.assign(known, { names, tag: answer.headers.get("ETag") });
  return new DOMParser().parseFromString(text, "text/html");
}

// ---- Regions

const GAP = 1000, CROWDED_GAP = 5000, CROWD = 20, JITTER = 200, SLOW = 400, LONGEST_WAIT = 60000;
const SHARE = 5; // a page waits so many times as long as the last answer took: a busy server is asked less often
const shown = {}, events = [];
let wanted = new Set(), asked = -Infinity, relief = 0, wait = 0, timer, isBusy;

function isCrowded() {
  return events.length > CROWD && events.at(-1) - events[0] < 1000;
}

/** Ask for a region when its time has come: at once, unless the page has asked a moment ago. */
function renewSoon({ id }) {
  wanted.add(id);
  plan();
}

/** Pages that hear of a change at one moment do not ask at one moment, neither at once nor each time after that. */
function plan() {
  if (!wanted.size || timer || isBusy || document.hidden || state === "out") return;
  const gap = isCrowded() ? CROWDED_GAP * (0.8 + 0.4 * Math.random()) : GAP;
  const due = asked + Math.max(gap, relief, wait);
  timer = setTimeout(renew, Math.max(due - performance.now(), Math.random() * JITTER));
}

/** Ask once for all regions that are wanted, but for those in which nothing moves now. */
async function renew() {
  timer = 0;
  asked = performance.now();
  const found = [...wanted].sort().map((id) => document.getElementById(id)).filter(Boolean);
  const still = found.filter((one) => one.matches("[data-still]:hover"));
  wanted = new Set(still.map(({ id }) => id));
  const moving = found.filter((one) => !still.includes(one));
  if (moving.length) await fetchAll(moving.map(({ id }) => id));
  plan();
}

async function fetchAll(ids) {
  const each = () => ids.map((id) => document.getElementById(id)).filter(Boolean);
  const slow = setTimeout(() => each().forEach((one) => one.setAttribute("aria-busy", "true")), SLOW);
  isBusy = true;
  try {
    const fresh = await ask(location.pathname + location.search, ids, shown);
    relief = Math.min(SHARE * (performance.now() - asked), CROWDED_GAP);
    if (fresh) for (const one of each()) if (fresh.getElementById(one.id)) put(one, fresh.getElementById(one.id));
    wait = 0;
    say("failing", false);
  } catch (error) {
    if (error.status) say("failing", true); // without an answer there is no connection, which is said
    if (!error.status || error.status === 429 || error.status >= 500) ids.forEach((id) => wanted.add(id));
    wait = Math.min(2 * wait || CROWDED_GAP, LONGEST_WAIT);
  }
  isBusy = false;
  clearTimeout(slow);
  each().forEach((one) => one.removeAttribute("aria-busy"));
}

function renewAll() {
  if (heard !== undefined) document.querySelectorAll("[data-live]").forEach(renewSoon);
}

/** Whether somebody types into a field, or has typed something else than the server gave. */
function isTyped(node) {
  if (!node.matches?.("input, textarea, select")) return false;
  if (node === document.activeElement) return true;
  if (node.matches("select")) {
    return node.selectedIndex !== Math.max([...node.options].findIndex((one) => one.defaultSelected), 0);
  }
  return node.value !== node.defaultValue || node.checked !== node.defaultChecked;
}

const KEEP = {
  callbacks: {
    beforeNodeMorphed: (old) => !isTyped(old) && old.dataset?.own === undefined,
    beforeAttributeUpdated: (name, node) => name !== "open" || !node.matches("details, dialog"),
  },
};

function morph(old, fresh) {
  globalThis.Idiomorph.morph(old, fresh, KEEP);
}

/** Put a new region in place of the old one. New rows do not move what somebody reads: they wait behind a button. */
function put(region, fresh) {
  const button = region.querySelector("[data-newer]");
  const rows = button ? [...fresh.querySelectorAll("tr[id], li[id]")] : [];
  const count = rows.filter((row) => !document.getElementById(row.id)).length;
  if (count && count < rows.length && (location.search || region.getBoundingClientRect().top < 0)) {
    for (const row of rows) if (document.getElementById(row.id)) morph(document.getElementById(row.id), row);
    button.textContent = button.dataset.newer.replace("{}", count);
    button.hidden = false;
    button.onclick = () => {
      replace(region, fresh);
      region.scrollIntoView();
      region.querySelector("[id] a[href]")?.focus();
    };
  } else replace(region, fresh);
}

function replace(region, fresh) {
  morph(region, fresh);
  title();
  region.dispatchEvent(new CustomEvent("gantry:renewed", { bubbles: true }));
}

function title() {
  const head = document.querySelector("[data-title]");
  if (!head) return;
  document.title = head.dataset.title;
  document.querySelector("link[rel=icon]").href = head.dataset.icon;
}

// ---- Forms that say what would happen

let asking, typing;

/** Do this for what was typed last, when nothing more is typed. */
function later(pause, act) {
  clearTimeout(typing);
  asking?.abort();
  asking = new AbortController();
  typing = setTimeout(act, pause, asking.signal);
}

const unanswered = new Set();

document.addEventListener("input", ({ target: { form, name } }) => {
  const regions = [...(form?.querySelectorAll("[data-asks]") ?? [])];
  if (!regions.length) return;
  for (const region of regions) {
    if (region.dataset.asks && region.dataset.asks !== name) continue;
    unanswered.add(region);
    region.setAttribute("aria-busy", "true");
  }
  later(300, async (signal) => {
    const query = new URLSearchParams(new FormData(form)), ids = [...unanswered].map(({ id }) => id);
    const fresh = await ask(`${form.getAttribute("action")}?${query}`, ids, {}, signal).catch(() => undefined);
    if (!fresh) return signal.aborted || say("failing", true);
    for (const region of unanswered) replace(region, fresh.getElementById(region.id));
    return unanswered.clear();
  });
});

// ---- What holds: live, lost, paused or out

let state = "";

function say(word, holds, since) {
  for (const one of document.querySelectorAll(`[data-for=${word}]`)) {
    const time = one.querySelector("time");
    if (time && since) {
      time.dateTime = new Date(since).toISOString();
      time.textContent = new Date(since).toTimeString().slice(0, 5);
    }
    one.hidden = !holds;
  }
}

function become(next, since) {
  if (state === "out") return;
  if (state) say(state, false);
  say((state = next), true, since);
  if (next === "out") leave();
}

// ---- One stream for all pages of the browser: the page that holds the lock reads, and tells the others

const HIDDEN = 30000, SILENT = 75000, LONGEST_PAUSE = 10000;
let last = heard, channel, joined, reads, skew = 0;

/** Tell all pages of this browser, and this one. */
function tell(message) {
  heed({ data: message });
  channel?.postMessage(message);
}

function heed({ data: message }) {
  if (message.id) last = message.id;
  for (const [slug, numbers] of Object.entries(message.changed ?? {})) {
    const about = ["repos", `repo:${slug}`, ...numbers.map((number) => `build:${slug}:${number}`)];
    const found = [...document.querySelectorAll("[data-live]")].filter(({ dataset }) => about.includes(dataset.live));
    if (found.length) events.push(...numbers.map(() => performance.now()));
    events.splice(0, events.length - CROWD - 1);
    found.forEach(renewSoon);
  }
  if (message.state && joined) become(message.state, message.since);
  if ("skew" in message) skew = message.skew;
  if (message.renew) renewAll();
  if (message.hello) {
    if (message.hello !== account) renewAll(); // the answers say whose they are
    if (reads) channel.postMessage({ ...reads, last }); // a hello comes over the channel alone
  }
  if (message.last && heard !== undefined && message.last !== last) {
    if (!isAfter(last, message.last)) renewAll();
    last = message.last;
  }
}

/** Whether a page that was made after the change `mine` has seen the change `other`; ids are `name-number`. */
function isAfter(mine, other) {
  const [[name, number], [another, least]] = [mine.split("-"), other.split("-")];
  return name === another && Number(number) >= Number(least);
}

function open() {
  channel = new BroadcastChannel("gantry");
  channel.onmessage = heed;
  channel.postMessage({ hello: account });
}

async function join() {
  if (joined || state === "out") return;
  joined = new AbortController();
  const { signal } = joined;
  try {
    open();
    if (heard !== undefined) await navigator.locks.request("gantry", { signal }, () => read(signal));
  } catch {
    if (heard === undefined || signal.aborted) return;
    channel?.close(); // without locks, or where storage is blocked, each page reads for itself
    channel = undefined;
    await read(signal);
  }
}

function leave() {
  joined?.abort();
  channel?.close();
  joined = channel = reads = undefined;
}

/** Read the stream until `signal`; after an end, again. */
async function read(signal) {
  for (let pause = 0, again = false; !signal.aborted; again = true) {
    try {
      await follow(signal, again, () => (pause = 0));
    } catch {
      if (signal.aborted) break;
      if (pause) tell((reads = { state: "lost", since: reads?.since ?? Date.now() }));
    }
    await new Promise((done) => setTimeout(done, Math.random() * 1000 + pause));
    pause = Math.min(2 * pause || 500, LONGEST_PAUSE);
  }
}

async function follow(signal, again, opened) {
  const quiet = new AbortController();
  const stop = () => quiet.abort();
  signal.addEventListener("abort", stop, { once: true });
  let silence = setTimeout(stop, SILENT);
  try {
    const answer = await fetch("/api/stream?brief=true", {
      headers: last ? { "Last-Event-ID": last } : {},
      signal: quiet.signal,
      cache: "no-store",
    });
    if (answer.status === 401) return become("out");
    if (!answer.ok) throw answer;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = "", isFirst = true; ; isFirst = false) {
      const { done, value } = await reader.read();
      if (done) return undefined;
      clearTimeout(silence);
      silence = setTimeout(stop, SILENT);
      if (isFirst) {
        opened();
        reads = { state: "live", skew: Date.parse(answer.headers.get("Date")) - Date.now() || 0 };
        tell({ ...reads, renew: again || !last });
      }
      const frames = (text + value).split("\n\n");
      text = frames.pop();
      frames.forEach(hear);
    }
  } finally {
    clearTimeout(silence);
    signal.removeEventListener("abort", stop);
  }
}

function hear(frame) {
  const [, id, data] = frame.match(/^id: (.*)\ndata: (.*)$/) ?? [];
  if (data) {
    tell({ id, changed: JSON.parse(data) });
  } else if (frame.startsWith(": events were missed")) tell({ renew: true });
}

let hiding;

function wake() {
  clearTimeout(hiding);
  const isBack = state === "paused";
  join();
  if (isBack) renewAll();
  else plan();
}

function rest() {
  leave();
  become("paused");
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) hiding = setTimeout(rest, HIDDEN);
  else wake();
});
addEventListener("pagehide", rest);
addEventListener("pageshow", ({ persisted }) => persisted && wake());

// ---- Times

const words = document.getElementById("live")?.dataset;
const units = (words?.units ?? "").split(" ").map((one) => one.split(":"));

function age(seconds) {
  const [unit, size] = units.find((one) => Math.abs(seconds) >= one[1]) ?? [];
  if (!unit) return words.now;
  return (seconds > 0 ? words.ago : words.ahead).replace("{}", `${Math.floor(Math.abs(seconds) / size)} ${unit}`);
}

function duration(seconds) {
  const two = units.filter(([, size]) => size <= 86400);
  const at = two.findIndex(([, size]) => seconds >= size);
  if (at < 0) return words.shortest;
  const [[unit, size], [smaller, part] = []] = two.slice(at);
  const rest = part ? Math.floor((seconds % size) / part) : 0;
  return `${Math.floor(seconds / size)} ${unit}${rest ? ` ${rest} ${smaller}` : ""}`;
}

function each(selector, write) {
  const now = Math.floor((Date.now() + skew) / 1000);
  if (!document.hidden) for (const one of document.querySelectorAll(selector)) one.textContent = write(one, now);
}

if (words) {
  setInterval(each, 60000, "[data-age]", (one, now) => age(now - Date.parse(one.dateTime) / 1000));
  setInterval(each, 1000, "[data-since]", (one, now) => duration(Math.max(now - one.dataset.since, 0)));
}

// ---- Go to: what is called so, while somebody types

const go = document.getElementById("go"), list = document.getElementById("go-list");
function choose(option) {
  list.querySelector("[aria-selected=true]")?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  if (option) go.setAttribute("aria-activedescendant", option.id);
  else go.removeAttribute("aria-activedescendant");
}

function offer(options) {
  list.replaceChildren(...options);
  list.hidden = !options.length;
  go.setAttribute("aria-expanded", String(!list.hidden));
  choose();
}

async function suggest(signal) {
  try {
    const found = go.value.trim() && (await ask(`/-/go?q=${encodeURIComponent(go.value)}`, ["found"], {}, signal));
    const cards = found && document.activeElement === go ? [...found.querySelectorAll("#found .card")] : [];
    offer(
      cards.map((card, at) => {
        const option = Object.assign(document.createElement("li"), { id: `go-${at}`, role: "option" });
        option.textContent = card.textContent.trim().replace(/\s+/g, " ");
        option.dataset.href = card.querySelector("a").pathname;
        return option;
      }),
    );
  } catch {
    // an older question, or none was answered: the form itself still works
  }
}

go.addEventListener("input", () => later(150, suggest));
go.addEventListener("blur", () => offer([]));
list.addEventListener("pointerdown", (event) => event.preventDefault());
list.addEventListener("click", ({ target }) => target.dataset.href && location.assign(target.dataset.href));
go.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const options = [...list.children], at = options.findIndex((one) => one.ariaSelected === "true");
  if (event.key === "ArrowDown") choose(options[(at + 1) % options.length]);
  else if (event.key === "ArrowUp") choose(options.at((at < 0 ? 0 : at) - 1));
  else if (event.key === "Enter" && at >= 0) location.assign(options[at].dataset.href);
  else if (event.key === "Escape" && options.length) offer([]);
  else return;
  event.preventDefault();
});

title();
if (!document.hidden) join();
