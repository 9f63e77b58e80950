/** Japanese and English, side by side as in the templates; the page's own language decides. */

/** The language of the page: `ja` or `en`. */
export const language = document.documentElement.lang === "en" ? "en" : "ja";

/** Return one of two texts: `say("戻る", "Back")`. */
export const say = (ja, en) => (language === "en" ? en : ja);

/** Return the sentence of `{ ja, en }` messages, empty where there are none. */
export const sentence = (messages) => messages?.[language] ?? "";
