// What the page says of each application: what the provider knows by the back
// channel, together with what has come of the application's frame in this browser.
"use strict";

const idpSessionApplications = (function () {
  const DOUBTFUL = new Set(["asked", "not-reached", "no-session"]);

  function find(key) {
    const rows = document.querySelectorAll("li[data-application]");
    return Array.from(rows).find((row) => row.dataset.application === key);
  }

  // Only the application's own word counts as signed out. Where the browser has not
  // reached it, the provider may still.
  function combined({ told, waiting, framed }) {
    if (told === "signed-out" || !framed) {
      return told;
    }
    const failed = framed === "not-reached" || framed === "no-session";
    return failed && waiting === "true" ? "waiting" : framed;
  }

  function show(row) {
    const state = combined(row.dataset);
    if (row.dataset.state === state) {
      return false;
    }
    const list = document.getElementById("applications");
    row.dataset.state = state;
    row.querySelector(".state").textContent = JSON.parse(list.dataset.words)[state];
    showAll(Array.from(list.querySelectorAll("li[data-application]")));
    return true;
  }

  function showAll(rows) {
    const states = rows.map((row) => row.dataset.state);
    const confirmed = String(states.filter((state) => state === "signed-out").length);
    const count = document.getElementById("confirmed");
    // What has not changed is not read out again.
    if (count.textContent !== confirmed) {
      count.textContent = confirmed;
    }
    document.getElementById("advice").hidden = !states.some((state) =>
      DOUBTFUL.has(state),
    );
  }

  return {
    // What the provider knows now; returns whether that says anything new.
    told(key, state, waiting) {
      const row = find(key);
      if (!row) {
        return false;
      }
      row.dataset.told = state;
      row.dataset.waiting = String(waiting);
      return show(row);
    },

    // What has come of the frame.
    framed(key, outcome) {
      const row = find(key);
      if (row) {
        row.dataset.framed = outcome;
        show(row);
      }
    },
  };
})();
