import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Bridge, openPromptWindow } from "../src/index.ts";

/** A bridge that only tells where the person is asked, and the windows that are opened for it. */
function setUp(...pinEntry: string[]) {
  const bridge = Object.assign(new EventTarget(), { info: { pinEntry } }) as unknown as Bridge;
  const opened: { url: string; closed: boolean }[] = [];
  const open = (url: string) => {
    const page = { url, closed: false };
    opened.push(page);
    return {
      get closed() {
        return page.closed;
      },
      close: () => {
        page.closed = true;
      },
      location: {
        set href(to: string) {
          page.url = to;
        },
      },
    } as unknown as Window;
  };
  const prompting = (url: string | null) => {
    const detail = { id: 1, way: url ? "window" : "pinentry", reader: null, url };
    bridge.dispatchEvent(new CustomEvent("pin.prompting", { detail }));
  };
  return { prompt: openPromptWindow(bridge, { opener: { open } }), opened, prompting };
}

describe("the window for the daemon's own page", () => {
  test("is open before the address comes, and goes there", () => {
    const { prompt, opened, prompting } = setUp("pinpad", "window", "page");
    assert.deepEqual(opened, [{ url: "about:blank", closed: false }]);
    prompting("http://127.0.0.1:1/ask/x");
    assert.deepEqual(opened, [{ url: "http://127.0.0.1:1/ask/x", closed: false }]);
    prompt.close();
    assert.equal(opened[0]?.closed, true);
    prompting("http://127.0.0.1:1/ask/y");
    assert.equal(opened.length, 1);
  });

  test("is not opened where the desktop has a dialog", () => {
    const { opened, prompting } = setUp("pinentry", "window");
    prompting(null);
    assert.deepEqual(opened, []);
  });

  test("is opened late where the dialog of the desktop did not come up", () => {
    const { opened, prompting } = setUp("pinentry", "window");
    prompting("http://127.0.0.1:1/ask/x");
    assert.deepEqual(opened, [{ url: "http://127.0.0.1:1/ask/x", closed: false }]);
  });

  test("goes away where the person is asked elsewhere", () => {
    const { opened, prompting } = setUp("window");
    prompting(null);
    assert.equal(opened[0]?.closed, true);
  });

  test("says so where the browser opens none, once for each question", () => {
    const bridge = Object.assign(new EventTarget(), { info: { pinEntry: ["window"] } });
    const blocked: string[] = [];
    const opener = { open: () => null };
    openPromptWindow(bridge as unknown as Bridge, {
      opener,
      onBlocked: (url) => blocked.push(url),
    });
    assert.deepEqual(blocked, []);
    for (const url of ["http://127.0.0.1:1/ask/x", "http://127.0.0.1:1/ask/y"]) {
      const detail = { id: 1, way: "window", reader: null, url };
      bridge.dispatchEvent(new CustomEvent("pin.prompting", { detail }));
    }
    assert.deepEqual(blocked, ["http://127.0.0.1:1/ask/x", "http://127.0.0.1:1/ask/y"]);
  });
});
