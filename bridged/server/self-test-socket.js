// The self-test's connection to the daemon, as any site has it.

/** What went wrong, in the person's words: of this page, or as the daemon says it. */
export class Fault extends Error {}

/** A connection by `bridged.v1`; what fails is a `Fault`. `onPrompt` hears every notification. */
export class Bridge {
  #socket;
  #waiting = new Map();
  #number = 0;
  #words;
  #lang;
  closed = false;

  constructor(onPrompt, words, lang) {
    this.onPrompt = onPrompt;
    this.#words = words;
    this.#lang = lang;
  }

  open() {
    return new Promise((resolve, reject) => {
      this.#socket = new WebSocket(`ws://${location.host}/v1`, "bridged.v1");
      this.#socket.onopen = () => resolve(this.call("bridge.info", {}));
      this.#socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
      this.#socket.onclose = ({ code }) => {
        this.closed = true;
        const fault = new Fault(code === 4403 ? this.#words.turnedAway : this.#words.noConnection);
        reject(fault);
        for (const { refuse } of this.#waiting.values()) refuse(fault);
      };
    });
  }

  call(method, params) {
    return new Promise((take, refuse) => {
      if (this.closed) {
        refuse(new Fault(this.#words.noConnection));
        return;
      }
      this.#number += 1;
      this.#waiting.set(this.#number, { take, refuse });
      this.#socket.send(JSON.stringify({ jsonrpc: "2.0", id: this.#number, method, params }));
    });
  }

  close() {
    this.closed = true;
    this.#socket.close();
  }

  #take({ id, result, error, method, params }) {
    if (method) {
      this.onPrompt(method, params);
      return;
    }
    const asked = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) asked?.refuse(new Fault(error.data?.messages?.[this.#lang] ?? error.message));
    else asked?.take(result);
  }
}
