import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { fromBase64, toBase64 } from "../src/base64.ts";
import {
  ConnectError,
  type ConnectReason,
  callError,
  errorFromWire,
  explain,
} from "../src/errors.ts";
import {
  CALL_MESSAGES,
  CONNECT_MESSAGES,
  PERMISSION_HINT,
  UNKNOWN_FAILURE,
} from "../src/messages.ts";

const JAPANESE = /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u;

suite("every message", () => {
  const all = { ...CALL_MESSAGES, ...CONNECT_MESSAGES, PERMISSION_HINT, UNKNOWN_FAILURE };
  for (const [name, { ja, en }] of Object.entries(all)) {
    test(`${name} is there in both languages`, () => {
      assert.match(ja, JAPANESE);
      assert(ja.endsWith("。"));
      assert.doesNotMatch(en, JAPANESE);
      assert(en.endsWith("."));
    });
  }

  for (const reason of Object.keys(CONNECT_MESSAGES) as ConnectReason[]) {
    test(`${reason} reaches the person`, () => {
      const error = new ConnectError(reason);
      assert.equal(explain(error, "ja"), CONNECT_MESSAGES[reason].ja);
      assert.equal(explain(error, "en-GB"), CONNECT_MESSAGES[reason].en);
      assert.equal(error.message, CONNECT_MESSAGES[reason].en);
    });
  }
});

suite("explain", () => {
  test("takes ja-JP for Japanese and any other language for English", () => {
    const error = callError("connection-lost", { closeCode: 1006 });
    assert.equal(explain(error, "ja-JP"), CALL_MESSAGES["connection-lost"].ja);
    assert.equal(explain(error, "jam"), CALL_MESSAGES["connection-lost"].en);
  });

  test("says something about any failure", () => {
    assert.equal(explain(new TypeError("x is undefined"), "ja"), UNKNOWN_FAILURE.ja);
    assert.equal(explain(undefined, "en"), UNKNOWN_FAILURE.en);
  });
});

suite("an error of the daemon", () => {
  test("of a reason that this version does not know keeps everything", () => {
    const messages = { ja: "新しい。", en: "New." };
    const data = { reason: "brand-new", messages, colour: "red" };
    const error = errorFromWire({ code: 4999, message: "New.", data });
    assert.equal(error.reason, "brand-new");
    assert.deepEqual(error.data, { colour: "red" });
    assert.equal(explain(error, "ja"), "新しい。");
  });

  test("without sentences still says something in both languages", () => {
    const error = errorFromWire({ code: 1, message: "No card.", data: { reason: "no-card" } });
    assert.equal(explain(error, "en"), "No card.");
    assert.equal(explain(error, "ja"), UNKNOWN_FAILURE.ja);
  });
});

suite("base64", () => {
  test("gives every byte back", () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    assert.equal(toBase64(bytes), Buffer.from(bytes).toString("base64"));
    assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
  });

  test("takes a megabyte", () => {
    const bytes = new Uint8Array(1 << 20).fill(7);
    assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
  });

  test("refuses what is not base64", () => {
    assert.throws(() => fromBase64("*"));
  });
});
