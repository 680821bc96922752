"use strict";
// Opens what the address names, and searches the routes of the whole page while one types. The page works without this.

function open_named() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named instanceof HTMLDetailsElement) named.open = true;
}

function search(words, status) {
  let count = 0;
  for (const section of document.querySelectorAll("main > section:not(#codes, #schemas)")) {
    let found = 0;
    for (const route of section.querySelectorAll("details")) {
      const text = `${route.id} ${route.firstElementChild.textContent}`.toLowerCase();
      route.hidden = !words.every((word) => text.includes(word));
      found += route.hidden ? 0 : 1;
    }
    section.hidden = found === 0;
    count += found;
  }
  status.textContent = `${count} ${count === 1 ? "route" : "routes"}`;
}

const form = document.querySelector("form[data-whole]");
if (form) {
  const status = document.querySelector("[role=status]");
  form.elements.q.addEventListener("input", () => {
    search(form.elements.q.value.toLowerCase().split(/\s+/).filter(Boolean), status);
  });
}
addEventListener("hashchange", open_named);
open_named();
