// Live refresh and copying. The pages work without this script.
"use strict";

const copyButton = document.querySelector("[data-copy]");
if (copyButton) {
  copyButton.hidden = false;
  copyButton.addEventListener("click", async () => {
    const text = document.querySelector(copyButton.dataset.copy).textContent;
    try {
      await navigator.clipboard.writeText(text);
      copyButton.textContent = "Copied";
    } catch {
      copyButton.textContent = "The browser did not allow it; open “As Markdown” and copy it there";
    }
  });
}

// Loads this page again and replaces the part that changes, unless somebody is reading in an open list.
async function refresh() {
  const shown = document.querySelector("[data-refresh]");
  if (!shown || shown.querySelector("details[open]") || shown.contains(document.activeElement)) return;
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-refresh]");
  if (fresh) shown.replaceWith(document.adoptNode(fresh));
}

const part = document.querySelector("[data-refresh]");
if (part) {
  new EventSource("/live").addEventListener("changed", () => refresh().catch(() => {}));
  const seconds = Number(part.dataset.refresh);
  if (seconds) setInterval(() => document.hidden || refresh().catch(() => {}), seconds * 1000);
}
