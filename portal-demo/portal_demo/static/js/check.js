/** Screen 0: is everything ready for the registration? */
import { bridgeUrl } from "./api.js";
import { CardWatch } from "./card.js";
import { holderOf } from "./certificates.js";
import { onRetry, show } from "./panel.js";
import { say, sentence } from "./text.js";

const watch = new CardWatch({ url: bridgeUrl });
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
  const { name, readers, certificates, error, hint } = watch.state;
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

function labels(certificates) {
  const found = [...new Set(certificates.flatMap((certificate) => holderOf(certificate).slice(0, 1)))];
  const whose = found.join(say("、", ", "));
  return say(
    `ICカード${whose && `（${whose}）`}を使用できます。利用者登録へ進んでください。`,
    `The IC card${whose && ` (${whose})`} can be used. Go on to the registration.`,
  );
}

watch.addEventListener("change", update);
onRetry(() => watch.retry());
void watch.start();
