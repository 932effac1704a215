// The one worker of this address: keeps the shell and the page without a line, and shows what is pushed.
// VERSION and FILES stand before this text (dashboards/pwa). Pages always come from the hub while it answers.
"use strict";

importScripts("/push-worker.js");

const SHELL = `shell-${VERSION}`;
const OFFLINE = "/offline/";
const SNAPSHOT = "snapshot"; // written by the page, read by the page without a line

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches.open(SHELL).then((cache) => cache.addAll([...FILES, new Request(OFFLINE, { credentials: "omit" })])),
  );
});

self.addEventListener("activate", (event) => {
  // an old shell would keep an old version alive
  const old = (name) => name.startsWith("shell-") && name !== SHELL;
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name)))));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (FILES.includes(url.pathname)) event.respondWith(file(request));
});

async function page(request) {
  try {
    const answer = await fetch(request);
    // signed out, or the session has ended: nothing of it stays
    if (answer.redirected && new URL(answer.url).pathname.startsWith("/accounts/login")) await caches.delete(SNAPSHOT);
    return answer;
  } catch (error) {
    const kept = await caches.match(OFFLINE, { ignoreVary: true });
    if (kept) return kept;
    throw error;
  }
}

async function file(request) {
  return (await caches.match(request)) || fetch(request);
}
