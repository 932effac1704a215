// Shows what is pushed, also while no page is open; its buttons open the incident or acknowledge it.
"use strict";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  let said = {};
  try {
    said = event.data ? event.data.json() : {};
  } catch {
    said = { title: event.data.text() };
  }
  const actions = said.answer ? [{ action: "acknowledge", title: said.acknowledge || "Acknowledge" }] : [];
  if (said.url) actions.push({ action: "open", title: said.open || "Open" });
  event.waitUntil(
    self.registration.showNotification(said.title || "Watchkeeper", {
      body: said.body || "",
      tag: said.tag || undefined,
      renotify: Boolean(said.tag),
      requireInteraction: said.event === "firing" || said.event === "escalated",
      data: { url: said.url || "/", answer: said.answer || "" },
      actions,
    }),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { url, answer } = event.notification.data || {};
  event.waitUntil(event.action === "acknowledge" && answer ? acknowledge(answer, url) : open(url));
});

// The last part of the signed link says who acknowledges what; a page opens only where that fails.
async function acknowledge(link, url) {
  const token = new URL(link, self.location.origin).pathname.split("/").filter(Boolean).pop();
  try {
    const answer = await fetch("/api/v1/acknowledge", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      credentials: "omit",
      body: JSON.stringify({ token }),
    });
    if (answer.ok) return undefined;
  } catch {
    // no network: the page shows it again later
  }
  return open(url);
}

async function open(url) {
  const target = new URL(url || "/", self.location.origin).href;
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const shown = pages.find((page) => page.url === target);
  return shown ? shown.focus() : self.clients.openWindow(target);
}
