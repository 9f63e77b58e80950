import type { ConnectReason } from "./errors.ts";
import { reasonOfClose } from "./errors.ts";
import type { Permission } from "./permission.ts";
import type { Opening } from "./socket.ts";

/** Close codes that only a browser makes (RFC 6455, section 7.4.1). */
const NO_REASON = 1006;
const TLS_FAILED = 1015;

/** A socket that did not open, and what the page knows about it. */
export interface Failure {
  readonly opening: Exclude<Opening, { kind: "open" }>;
  /** The permission before and after the attempt. */
  readonly before: Permission;
  readonly after: Permission;
}

/**
 * Tell why a socket did not open, or that it is worth another attempt (`retry`).
 *
 * A closed port, a blocked page and an HTTP refusal look the same to a page: close code 1006
 * without a reason. The permission before and after tells them apart, where it is not still to be
 * asked for: then the person may have waved the question away, or, in a browser that asks only
 * once something answers, nothing runs (`unreached`). A browser that lost the connection while it
 * asked fails even after "Allow": hence the retry.
 */
export function diagnose({ opening, before, after }: Failure): ConnectReason | "retry" {
  if (opening.kind === "aborted" || opening.kind === "timeout") {
    return opening.kind;
  }
  if (after === "denied") {
    return "blocked";
  }
  if (opening.kind === "refused" || opening.code === TLS_FAILED) {
    return "browser-unsupported";
  }
  if (opening.code !== NO_REASON) {
    return reasonOfClose(opening.code);
  }
  if (before === "prompt" && after === "granted") {
    return "retry";
  }
  return after === "prompt" ? "unreached" : "not-running";
}
