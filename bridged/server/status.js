// Takes back what was decided about a site. The header makes the request one that no other page can send.
"use strict";

for (const button of document.querySelectorAll("button[data-forget]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    const answer = await fetch("/sites/forget", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Bridged": "status-page" },
      body: JSON.stringify({ origin: button.dataset.forget }),
    }).catch(() => null);
    if (answer?.ok) {
      location.reload();
    } else {
      button.disabled = false;
      document.getElementById("failed").hidden = false;
    }
  });
}
