import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Bridge } from "../src/bridge.ts";
import { CardWatch, type Look, narrowed } from "../src/picker/watch.ts";
import type { Certificate, Reader } from "../src/protocol.ts";

const certificate = (id: string, card: string) => ({ id, card }) as Certificate;
const reader = (id: string, state = "present") => ({ id, state }) as Reader;
const OLD = certificate("old", "1");
const NEW = certificate("new", "2");
const BOTH: Look = {
  trouble: null,
  readers: [
    { reader: reader("a"), certificates: [OLD], trouble: null },
    { reader: reader("b"), certificates: [NEW], trouble: null },
    {
      reader: reader("c", "empty"),
      certificates: [],
      trouble: { reason: "no-card", messages: null },
    },
  ],
};

suite("what a picker accepts", () => {
  test("leaves the other card out, and says so where nothing remains", () => {
    const { readers } = narrowed(BOTH, ({ card }) => card !== "1");
    assert.deepEqual(
      readers.map(({ certificates, trouble }) => [certificates, trouble?.reason]),
      [
        [[], "other-card"],
        [[NEW], undefined],
        [[], "no-card"],
      ],
    );
  });

  test("is decided with all certificates in view", () => {
    const seen: unknown[] = [];
    narrowed(BOTH, (_one, all) => seen.push(all) > 0);
    assert.deepEqual(seen, [
      [OLD, NEW],
      [OLD, NEW],
    ]);
  });

  test("changes nothing where there is nothing to be seen", () => {
    const none: Look = { trouble: { reason: "no-reader", messages: null }, readers: [] };
    assert.equal(
      narrowed(none, () => false),
      none,
    );
  });
});

test("a look that is asked for during another is awaited, too", async () => {
  const told: Look[] = [];
  let asked = 0;
  const bridge = Object.assign(new EventTarget(), {
    async readers() {
      asked += 1;
      return [];
    },
  }) as unknown as Bridge;
  const watch = new CardWatch(bridge, {}, (look) => told.push(look));
  watch.start();
  await watch.look();
  assert.deepEqual([asked, told.length], [2, 1]);
  await watch.look();
  assert.deepEqual([asked, told.length], [3, 2]);
  watch.stop();
});
