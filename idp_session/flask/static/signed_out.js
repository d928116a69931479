// Waits for the frames that sign the user out of the applications, each until its own
// deadline, and then goes on. An application may say what has come of it:
//
//   parent.postMessage({ type: "idp_session.front_channel_logout",
//                        state: "pending" | "signed-out" | "no-session" }, issuer)
//
// A frame that has loaded without a word proves nothing: browsers report that for
// pages that are refused or cannot be reached as well.
"use strict";

(function () {
  const TYPE = "idp_session.front_channel_logout";
  const ANSWERS = new Set(["signed-out", "no-session"]);
  // A word that was sent while the page loaded may come a little after it.
  const WORD_AFTER_LOAD = 200;
  const open = new Map();
  let complete = false;

  function frames() {
    return Array.from(document.querySelectorAll("iframe[data-application]"));
  }

  function note(frame, outcome) {
    frame.dataset.outcome = outcome;
    idpSessionApplications.framed(frame.dataset.application, outcome);
  }

  function settle(frame) {
    clearTimeout(open.get(frame));
    open.delete(frame);
    if (complete && open.size === 0) {
      goOn();
    }
  }

  function goOn() {
    complete = false;
    const onward = document.getElementById("continue");
    if (onward) {
      location.replace(onward.href);
      return;
    }
    document.getElementById("working").hidden = true;
    document.getElementById("done").hidden = false;
  }

  function loaded(event) {
    const frame = event.target;
    if (!(frame instanceof HTMLIFrameElement) || ANSWERS.has(frame.dataset.outcome)) {
      return;
    }
    if (frame.dataset.outcome !== "pending") {
      frame.dataset.outcome = "loaded";
      setTimeout(loadedWithoutWord, WORD_AFTER_LOAD, frame);
    }
  }

  function loadedWithoutWord(frame) {
    if (frame.dataset.outcome === "loaded") {
      note(frame, "asked");
      settle(frame);
    }
  }

  function heard(event) {
    const frame = frames().find((each) => each.contentWindow === event.source);
    if (!frame || event.origin !== new URL(frame.src).origin) {
      return;
    }
    const message = event.data;
    if (!message || message.type !== TYPE || ANSWERS.has(frame.dataset.outcome)) {
      return;
    }
    if (ANSWERS.has(message.state)) {
      note(frame, message.state);
      settle(frame);
    } else if (message.state === "pending") {
      frame.dataset.outcome = "pending";
    }
  }

  function tooLate(frame) {
    const { outcome } = frame.dataset;
    if (!ANSWERS.has(outcome)) {
      note(frame, outcome ? "asked" : "not-reached");
    }
    settle(frame);
  }

  function begin() {
    const working = document.getElementById("working");
    working.hidden = false;
    document.getElementById("done").hidden = true;
    for (const frame of frames()) {
      if (!["asked", "signed-out", "no-session"].includes(frame.dataset.outcome)) {
        open.set(frame, setTimeout(tooLate, Number(working.dataset.wait), frame));
      }
    }
    complete = true;
    if (open.size === 0) {
      goOn();
    }
  }

  // Frames load while the page is still being read, so nothing may be missed.
  window.addEventListener("message", heard);
  document.addEventListener("load", loaded, { capture: true });
  document.addEventListener("DOMContentLoaded", begin, { once: true });

  // "Back" must not show whose applications these were.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) {
      location.reload();
    }
  });
})();
