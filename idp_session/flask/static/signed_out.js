// Waits for the frames that sign the user out of the applications, but never longer
// than the page says, and then goes on. A frame that has loaded has been asked;
// whether it has obeyed nobody can see from here, so nothing more is claimed.
"use strict";

(function () {
  const working = document.getElementById("working");
  const done = document.getElementById("done");
  const onward = document.getElementById("continue");

  function goOn() {
    if (onward) {
      location.replace(onward.href);
      return;
    }
    working.hidden = true;
    done.hidden = false;
  }

  working.hidden = false;
  done.hidden = true;

  // The window's own load event comes after those of all its frames.
  if (document.readyState === "complete") {
    goOn();
  } else {
    window.addEventListener("load", goOn, { once: true });
    setTimeout(goOn, Number(working.dataset.wait));
  }
})();
