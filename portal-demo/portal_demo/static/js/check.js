/** Screen 0: is everything ready for the registration? */
import { bridgeUrl } from "./api.js";
import { Card } from "./card.js";
import { onRetry, show } from "./panel.js";
import { say, sentence } from "./text.js";

const card = new Card({ url: bridgeUrl, picker: document.getElementById("card-picker") });
const marks = document.getElementById("card-checks");

function mark(name, ok) {
  const item = marks.querySelector(`[data-check="${name}"]`);
  if (ok === null) {
    delete item.dataset.ok;
  } else {
    item.dataset.ok = String(ok);
  }
}

function update() {
  const { name, readers, certificates, error, hint } = card.state;
  const ready = name === "ready";
  show(name, {
    message: ready ? labels(certificates) : sentence(error?.messages),
    values: { origin: location.origin },
    hint,
  });
  const waiting = name === "connecting" || name === "permission";
  marks.hidden = waiting;
  mark("bridge", waiting ? null : readers !== null || name === "pcsc-unavailable");
  mark("reader", readers === null ? null : readers.length > 0);
  mark("card", readers?.length ? ready : null);
}

/** Return whom a certificate names: the company, else the person, else nobody. */
function holderOf({ x509 }) {
  return [x509?.holder.organization, x509?.holder.name].filter(Boolean).slice(0, 1);
}

function labels(certificates) {
  const found = [...new Set(certificates.flatMap(holderOf))];
  const whose = found.join(say("、", ", "));
  return say(
    `ICカード${whose && `（${whose}）`}を使用できます。利用者登録へ進んでください。`,
    `The IC card${whose && ` (${whose})`} can be used. Go on to the registration.`,
  );
}

card.addEventListener("change", update);
onRetry(() => card.retry());
void card.start();
