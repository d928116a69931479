// Looks again what has become of the applications, as long as some have not been
// reached, and shows what has changed. Without it there is a link that does so.
"use strict";

(function () {
  const FIRST_WAIT = 1000;
  const LONGEST_WAIT = 15000;
  const ended = document.getElementById("ended");
  const until = performance.now() + Number(ended.dataset.lifetime);
  let wait = FIRST_WAIT;

  async function answer() {
    const response = await fetch(location.href, {
      cache: "no-store",
      redirect: "error",
    });
    if (!response.ok) {
      throw new Error("no answer this time");
    }
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    return page.getElementById("ended");
  }

  // Only what has changed is replaced, so that only that is read out.
  function show(now) {
    const rows = ended.querySelectorAll("li");
    now.querySelectorAll("li").forEach((row, index) => {
      if (rows[index] && rows[index].dataset.state !== row.dataset.state) {
        rows[index].dataset.state = row.dataset.state;
        rows[index].querySelector(".state").textContent =
          row.querySelector(".state").textContent;
        wait = FIRST_WAIT;
      }
    });
  }

  async function look() {
    wait = Math.min(wait * 1.5, LONGEST_WAIT);
    try {
      const now = await answer();
      if (!now) {
        return;
      }
      show(now);
      if (now.dataset.pending !== "yes") {
        document.getElementById("again").remove();
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

  // A page that nobody sees is no use of the session.
  function lookIfSeen() {
    if (document.hidden) {
      document.addEventListener("visibilitychange", lookIfSeen, { once: true });
    } else if (performance.now() < until) {
      look();
    }
  }

  later();
})();
