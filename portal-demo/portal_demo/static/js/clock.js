/** Let the clock in the header tick with the server's time, in Japan Standard Time. */
import { language } from "./text.js";

const element = document.getElementById("clock");
const offsetMs = Date.parse(element.dateTime) - Date.now();
const format = new Intl.DateTimeFormat(language === "en" ? "en-GB" : "en-CA", {
  timeZone: "Asia/Tokyo",
  year: "numeric",
  month: language === "en" ? "long" : "2-digit",
  day: language === "en" ? "numeric" : "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});

function tick() {
  const now = new Date(Date.now() + offsetMs);
  const part = Object.fromEntries(format.formatToParts(now).map(({ type, value }) => [type, value]));
  element.textContent =
    language === "en"
      ? `${part.day} ${part.month} ${part.year}, ${part.hour}:${part.minute} (JST)`
      : `${part.year}年${part.month}月${part.day}日 ${part.hour}時${part.minute}分`;
  element.dateTime = now.toISOString();
  setTimeout(tick, 60_000 - (now.getTime() % 60_000));
}

tick();
