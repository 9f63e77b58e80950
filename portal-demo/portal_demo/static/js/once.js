/** Send each form once: a second click before the next page does nothing. */

const sending = new WeakSet();

for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    // Another handler that waits for something sends the form again itself.
    if (event.defaultPrevented) {
      return;
    }
    if (sending.has(form)) {
      event.preventDefault();
    }
    sending.add(form);
    form.setAttribute("aria-busy", "true");
  });
}

addEventListener("pageshow", ({ persisted }) => {
  // Out of the browser's memory the page may show what is long past.
  if (persisted) {
    location.reload();
  }
});
