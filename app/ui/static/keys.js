// What people do by hand: keys (the list is parts/keys.html), copying, and sending a form.

import { ask } from "./live.js";

// ---- Keys

const FIELDS = "input, textarea, select, [contenteditable]";
const ROWS = "main :is(tbody tr, .card, .tree .row)";
const OF_A_LOG = ["f", "e", "Home", "End", "[", "]"];
const SETTING = "gantry.keys";
let before = "", forgetting, led;

/** What the storage gives; null where it is blocked. */
export function stored(act) {
  try {
    return act(localStorage);
  } catch {
    return null;
  }
}

let areOn = stored((kept) => kept.getItem(SETTING)) !== "off";

/** The box that switches letters off is on the page of keys, and in the dialog. */
function setUp(box) {
  if (!box) return;
  box.checked = areOn;
  box.addEventListener("change", () => {
    areOn = box.checked;
    stored((kept) => kept.setItem(SETTING, areOn ? "on" : "off"));
  });
}

setUp(document.getElementById("letters"));

/** The list of keys; a page that is not there leads to itself. */
async function list(link) {
  try {
    const find = (page) => page.getElementById("dialog");
    const fresh = find(document) ?? find(await ask(link.href, ["dialog"]));
    if (!find(document)) {
      document.body.append(fresh);
      setUp(document.getElementById("letters"));
    }
    if (!find(document).open) find(document).showModal();
  } catch {
    link.click();
  }
}

/** Follow a link or open a box; a button that would send a form only gets the focus. */
function press(target) {
  if (target.matches("a, summary, button[type=button]")) return target.click();
  if (!target.matches(FIELDS) && target.tabIndex < 0) target.tabIndex = -1;
  led = { from: document.activeElement, to: target };
  target.focus();
  return target.select?.();
}

function walk(by) {
  const links = [...document.querySelectorAll(ROWS)].map((row) => row.querySelector("a[href]"));
  const shown = [...new Set(links)].filter((link) => link?.getClientRects().length);
  const at = shown.findIndex((link) => link.closest(ROWS).contains(document.activeElement));
  shown[at < 0 && by < 0 ? shown.length - 1 : at + by]?.focus();
}

/** Close what is open, or leave the field that a key has led to. */
function close() {
  const { activeElement } = document;
  const open = activeElement.closest("details[open]") ?? document.querySelector("details.menu[open]");
  if (open) {
    open.open = false;
    open.querySelector("summary").focus();
  } else if (led?.to === activeElement && activeElement.matches(FIELDS)) {
    activeElement.blur();
    led.from.focus();
  } else return false;
  return true;
}

// A menu lies above what the focus goes on to.
document.addEventListener("focusout", ({ target, relatedTarget }) => {
  const menu = target.closest(":is(.top, .acts) .menu");
  if (relatedTarget && menu && !menu.contains(relatedTarget)) menu.open = false;
});

/** Whether the key did something. */
function act(key) {
  const whole = before ? `${before} ${key}` : key;
  clearTimeout(forgetting);
  before = "";
  const target = document.querySelector(`[data-key="${CSS.escape(whole)}"]`);
  if (whole === "?" && target && target.pathname !== location.pathname) list(target);
  else if (target) press(target);
  else if (key === "j" || key === "k") walk(key === "j" ? 1 : -1);
  else if (OF_A_LOG.includes(key)) {
    return !document.dispatchEvent(new CustomEvent("gantry:key", { detail: key, cancelable: true }));
  } else if (document.querySelector(`[data-key^="${CSS.escape(key)} "]`)) {
    before = key;
    forgetting = setTimeout(() => (before = ""), 1500);
  } else return false;
  return true;
}

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.querySelector("dialog[open]")) return;
  if (key === "Escape" ? close() : !target.closest(FIELDS) && (areOn || key.length > 1) && act(key)) {
    event.preventDefault();
  }
});

// ---- Copying

async function copy(button) {
  const text = button.dataset.copy || button.previousElementSibling.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = Object.assign(document.createElement("textarea"), { value: text }); // without HTTPS
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    button.focus();
  }
  document.getElementById("said").textContent = button.dataset.done;
  button.textContent = button.dataset.done;
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-copy]");
  if (button) copy(button);
});

// ---- Sending a form once

const STOPPED = 10000;
const sent = new WeakSet();

document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  const method = submitter?.getAttribute("formmethod") ?? form.getAttribute("method"); // a field may be called "method"
  if (event.defaultPrevented || method !== "post") return;
  if (sent.has(form)) return event.preventDefault();
  sent.add(form);
  submitter?.setAttribute("aria-busy", "true");
  const again = () => {
    sent.delete(form);
    submitter?.removeAttribute("aria-busy");
  };
  setTimeout(again, STOPPED); // somebody may have stopped the request
  addEventListener("pageshow", again, { once: true });
});
