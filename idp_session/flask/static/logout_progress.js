// Asks the provider how the sign-out goes on, as long as there is something to wait
// for, and shows the answer. Without it the page says what was known when it was made.
"use strict";

(function () {
  const FIRST_WAIT = 1000;
  const LONGEST_WAIT = 15000;
  const list = document.getElementById("applications");
  const until = performance.now() + Number(list.dataset.lifetime);
  let wait = FIRST_WAIT;

  function show({ key, state, waiting }) {
    if (idpSessionApplications.told(key, state, waiting)) {
      wait = FIRST_WAIT;
    }
  }

  async function answer() {
    const response = await fetch(list.dataset.progress, {
      headers: { "X-Logout-Progress": list.dataset.token },
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
    });
    if (response.status === 404) {
      return null;
    }
    if (!response.ok) {
      throw new Error("no answer this time");
    }
    return response.json();
  }

  async function look() {
    wait = Math.min(wait * 1.5, LONGEST_WAIT);
    try {
      const progress = await answer();
      if (!progress) {
        return;
      }
      progress.applications.forEach(show);
      if (progress.complete) {
        return;
      }
    } catch {
      // The network, or the provider, is away for a moment.
    }
    later();
  }

  function later() {
    if (performance.now() + wait < until) {
      setTimeout(lookIfSeen, wait);
    }
  }

  function lookIfSeen() {
    if (document.hidden) {
      document.addEventListener("visibilitychange", lookIfSeen, { once: true });
    } else if (performance.now() < until) {
      look();
    }
  }

  later();
})();
