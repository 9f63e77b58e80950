/**
 * Tell the person before the log-in ends, and let them go on.
 *
 * Other tabs may have put the end off meanwhile, so the server is asked before anything is shown.
 */
import { post } from "./api.js";
import { say } from "./text.js";

const WARN_S = 120;
const meta = document.querySelector('meta[name="session-seconds"]');
// The office keeps nothing that was typed.
const kept = meta.dataset.office === undefined;
let ends = Date.now() + Number(meta.content) * 1000;
let timer;
let ticking;

const dialog = document.createElement("dialog");
dialog.id = "session-dialog";
dialog.setAttribute("aria-labelledby", "session-title");
dialog.setAttribute("aria-describedby", "session-text");
const title = element("h2", "session-title");
const text = element("p", "session-text");
const go = element("button", "session-go-on");
go.className = "button primary";
const leave = element("a", "session-leave");
leave.className = "button";
leave.href = meta.dataset.start;
const buttons = element("p", "session-buttons");
buttons.className = "buttons";
buttons.append(go, leave);
dialog.append(title, text, buttons);
document.body.append(dialog);

function element(name, id) {
  return Object.assign(document.createElement(name), { id });
}

const left = () => Math.max(0, Math.round((ends - Date.now()) / 1000));

function plan() {
  clearTimeout(timer);
  timer = setTimeout(look, Math.max(0, left() - WARN_S) * 1000);
}

/** Ask the server how much time is left; where it does not answer, the page's own clock counts. */
async function look() {
  const response = await fetch(meta.dataset.session).catch(() => null);
  if (response?.ok) {
    ends = Date.now() + (await response.json()).seconds * 1000;
  }
  if (left() > WARN_S) {
    plan();
  } else if (!dialog.open) {
    warn();
  }
}

function warn() {
  title.textContent = say("まもなくログインの有効時間が終わります", "Your log-in is about to end");
  go.textContent = say("操作を続ける", "Go on");
  go.onclick = goOn;
  leave.textContent = say("最初の画面へ", "To the first page");
  tick();
  dialog.showModal();
  go.focus();
}

function tick() {
  const seconds = left();
  if (seconds === 0) {
    end();
    return;
  }
  const minutes = Math.ceil(seconds / 60);
  const shown = say(
    `操作がない場合、あと${minutes}分以内に終了します。${kept ? "入力した内容は保存されます。" : ""}`,
    `Without an action it ends within ${minutes} min.${kept ? " What you entered is kept." : ""}`,
  );
  if (text.textContent !== shown) {
    text.textContent = shown;
  }
  ticking = setTimeout(tick, 1000);
}

async function goOn() {
  go.disabled = true;
  try {
    const { seconds } = await post(meta.dataset.session, {});
    ends = Date.now() + seconds * 1000;
    clearTimeout(ticking);
    dialog.close();
    plan();
  } catch {
    end();
  } finally {
    go.disabled = false;
  }
}

function end() {
  clearTimeout(ticking);
  title.textContent = say("ログインの有効時間が終わりました", "Your log-in has ended");
  text.textContent = say(
    `${kept ? "入力した内容は保存されています。" : ""}もう一度ログインしてください。`,
    `${kept ? "What you entered is kept. " : ""}Log in again to go on.`,
  );
  go.textContent = say("ログインへ", "To the log-in");
  go.onclick = () => location.assign(meta.dataset.entry);
  if (!dialog.open) {
    dialog.showModal();
  }
}

dialog.addEventListener("cancel", (event) => {
  event.preventDefault();
  if (left() > 0) {
    void goOn();
  }
});
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && look());
plan();
