// The log that is open on the page of a build, and what comes to it from the rest of the page.

import { Log, pointed } from "./reader.js";

let log;

function open() {
  const root = document.querySelector("[data-log]");
  if (root === log?.root) return;
  log?.leave();
  log = root && new Log(root);
}

/** Open the step before or after the one that is open. */
function walk(by) {
  const links = [...document.querySelectorAll(".tree .row > a")];
  const link = links[links.findIndex((one) => one.parentElement.ariaCurrent) + by];
  link?.click();
  return Boolean(link);
}

open();
document.addEventListener("gantry:renewed", open);
document.addEventListener("gantry:key", (event) => {
  const by = { "[": -1, "]": 1 }[event.detail];
  if (by ? walk(by) : log?.key(event.detail)) event.preventDefault();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) log?.stream?.abort();
  else log?.listen();
});
addEventListener("hashchange", () => {
  const asked = pointed();
  if (asked) log?.windows && log.point(asked);
});
addEventListener("beforeprint", () => log?.windows && log.box.replaceChildren(...log.page));
addEventListener("afterprint", () => log?.windows && log.box.replaceChildren(log.windows.note, log.windows.list));
