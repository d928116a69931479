"use strict";

// Leaves the page as soon as its session has ended, wherever that happened.
(() => {
  const { events, signedOut } = document.currentScript.dataset;
  const RETRY_AFTER = 10000;

  const leave = () => location.replace(signedOut);

  const connect = () => {
    const source = new EventSource(events);

    source.addEventListener("ended", () => {
      source.close();
      leave();
    });
    source.addEventListener("error", () => {
      // Otherwise the browser connects again by itself.
      if (source.readyState === EventSource.CLOSED) {
        ask();
      }
    });
  };

  // There is no stream: because there is no session, or just no place for it now.
  const ask = async () => {
    try {
      const answer = await fetch(events, { method: "HEAD" });
      if (answer.status === 204) {
        leave();
        return;
      }
    } catch {
      // The provider cannot be reached: nobody is signed out for that.
    }
    setTimeout(connect, RETRY_AFTER);
  };

  connect();
})();
