/** Requests to the portal's own server. */

/** The portal refused; `reason` and `messages` are those of its answer. */
export class PortalError extends Error {
  name = "PortalError";

  constructor({ reason, messages }) {
    super(messages.en);
    this.reason = reason;
    this.messages = messages;
  }
}

const UNREACHABLE = {
  reason: "unreachable",
  messages: {
    ja: "電子入札システムに接続できません。ネットワークを確認して、もう一度操作してください。",
    en: "The portal cannot be reached. Check the network and try again.",
  },
};

const meta = (name) => document.querySelector(`meta[name="${name}"]`).content;

/** Where this page finds the bridge. */
export const bridgeUrl = meta("bridge-url");

/** Post JSON and return the answer's; rejects with a `PortalError`. */
export async function post(path, body, { signal, keepalive = false } = {}) {
  let answer;
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": meta("csrf-token") },
      body: JSON.stringify(body),
      credentials: "same-origin",
      signal,
      keepalive,
    });
    answer = await response.json();
  } catch (error) {
    if (signal?.aborted) {
      throw error;
    }
    throw new PortalError(UNREACHABLE);
  }
  if (answer.error) {
    throw new PortalError(answer.error);
  }
  return answer;
}
