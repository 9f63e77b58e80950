/**
 * The chat: opens beside whatever screen the person is on, and tells the server that screen and the
 * state of its card panel with each question. Everything is shown as text, never as markup.
 */
import { post } from "./api.js";
import { say, sentence } from "./text.js";

const byId = (id) => document.getElementById(id);
const chat = byId("chat");
const log = byId("chat-log");
const opener = byId("menu-chat");
const question = byId("chat-question");
const screen = byId("main").dataset.screen;

const cardState = () => byId("card-panel")?.dataset.state ?? "";

opener.setAttribute("role", "button");
opener.setAttribute("aria-controls", "chat");
opener.setAttribute("aria-expanded", "false");
opener.addEventListener("click", (event) => {
  event.preventDefault();
  show(chat.hidden);
});
opener.addEventListener("keydown", (event) => {
  if (event.key === " ") {
    event.preventDefault();
    show(chat.hidden);
  }
});
byId("chat-close").addEventListener("click", () => show(false));
chat.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.isComposing) {
    show(false);
  }
});
byId("chat-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = question.value.trim();
  if (text) {
    question.value = "";
    void ask(text);
  }
});

function show(open) {
  chat.hidden = !open;
  opener.setAttribute("aria-expanded", String(open));
  if (!open) {
    opener.focus();
    return;
  }
  question.focus();
  if (!log.childElementCount) {
    void greet();
  }
}

async function greet() {
  const bubble = add("answer", say("ご質問をどうぞ。この画面では、次のご質問が多く寄せられています。", "How can I help? On this page people often ask:"));
  try {
    const { suggestions } = await post("/api/chat", { screen, state: cardState() });
    suggest(bubble, suggestions);
  } catch {
    // The greeting stands without suggestions.
  }
}

async function ask(text) {
  add("question", text);
  const bubble = add("answer", say("確認しています…", "One moment…"));
  bubble.setAttribute("aria-busy", "true");
  try {
    const { answers, suggestions } = await post("/api/chat", { question: text, screen, state: cardState() });
    bubble.replaceChildren();
    if (answers.length) {
      for (const answer of answers) {
        bubble.append(entry(answer));
      }
    } else {
      bubble.append(paragraph(say("申し訳ありません。合う回答が見つかりませんでした。別の言葉でお尋ねいただくか、お問い合わせフォームをご利用ください。", "Sorry, I found no answer to that. Try other words, or ask the office.")));
      suggest(bubble, suggestions);
    }
    bubble.append(contact(text));
  } catch (error) {
    bubble.replaceChildren(paragraph(sentence(error.messages)));
  } finally {
    bubble.removeAttribute("aria-busy");
    reveal(bubble);
  }
}

function add(kind, text) {
  const bubble = document.createElement("div");
  bubble.className = `chat-${kind}`;
  const who = document.createElement("span");
  who.className = "visually-hidden";
  who.textContent = kind === "question" ? say("あなた：", "You: ") : say("回答: ", "Answer: ");
  const body = document.createElement("div");
  body.append(paragraph(text));
  bubble.append(who, body);
  log.append(bubble);
  reveal(bubble);
  return body;
}

/** Scroll so that the beginning of something new can be read. */
function reveal(element) {
  log.scrollTop += element.getBoundingClientRect().top - log.getBoundingClientRect().top - 16;
}

function entry({ id, title, text, source }) {
  const article = document.createElement("article");
  const heading = document.createElement("h3");
  heading.textContent = title;
  const link = document.createElement("a");
  link.href = `/questions#${id}`;
  link.target = "_blank";
  link.rel = "noopener";
  link.textContent = `${say("出典", "Source")}: ${source}`;
  const from = document.createElement("p");
  from.className = "chat-source";
  from.append(link);
  article.append(heading, paragraph(text), from);
  return article;
}

function suggest(bubble, entries) {
  const list = document.createElement("ul");
  list.className = "chat-suggestions";
  for (const { title } of entries) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = title;
    button.addEventListener("click", () => {
      question.focus();
      void ask(title);
    });
    const item = document.createElement("li");
    item.append(button);
    list.append(item);
  }
  bubble.append(list);
}

function contact(text) {
  const link = document.createElement("a");
  link.href = `/questions/contact?${new URLSearchParams({ q: text, screen })}`;
  link.target = "_blank";
  link.rel = "noopener";
  link.textContent = say("担当者に問い合わせる（新しいタブ）", "Ask the office (new tab)");
  const line = document.createElement("p");
  line.className = "chat-contact";
  line.append(link);
  return line;
}

function paragraph(text) {
  const made = document.createElement("p");
  made.textContent = text;
  return made;
}
