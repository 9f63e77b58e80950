import { fromBase64 } from "./base64.ts";
import { CALL_MESSAGES, CONNECT_MESSAGES, type Messages, UNKNOWN_FAILURE } from "./messages.ts";
import { CloseCode, type Empty, type Errors, type SignatureFailure } from "./protocol.ts";

/** What a call can fail with, and the members of `data` for each reason. */
export interface CallErrors extends Errors {
  "connection-lost": { readonly closeCode: number };
  aborted: Empty;
  "bad-reply": Empty;
}

/** Why a call failed. A newer daemon may send a reason that is not listed here. */
export type ErrorReason = keyof CallErrors;

/** Why `connect()` failed, or why a connection ended. */
export type ConnectReason = keyof typeof CONNECT_MESSAGES;

/** The `error` member of a JSON-RPC response. */
export interface WireError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

interface BridgeErrorInit<R extends ErrorReason> {
  readonly code: number;
  readonly data: CallErrors[R];
  readonly messages: Messages;
  readonly signatures?: readonly Uint8Array<ArrayBuffer>[];
  readonly cause?: unknown;
}

/**
 * A call on an open connection failed.
 *
 * Tell failures apart by `reason`; `messages` are sentences for the person.
 *
 * ```ts
 * if (error instanceof BridgeError && error.is("pin-incorrect")) show(error.data.triesLeft);
 * ```
 */
export class BridgeError<R extends ErrorReason = ErrorReason> extends Error {
  override readonly name = "BridgeError";
  readonly reason: R;
  /** The number of the JSON-RPC error, or 0 where the failure did not come from the daemon. */
  readonly code: number;
  /** The typed fields of this reason. */
  readonly data: CallErrors[R];
  readonly messages: Messages;
  /** The signatures that were made, in order, before this ended a batch; else empty. */
  readonly signatures: readonly Uint8Array<ArrayBuffer>[];

  constructor(reason: R, init: BridgeErrorInit<R>) {
    super(init.messages.en, causeOption(init.cause));
    this.reason = reason;
    this.code = init.code;
    this.data = init.data;
    this.messages = init.messages;
    this.signatures = init.signatures ?? [];
  }

  /** Tell whether this is `reason`, and give `data` its type. */
  is<Q extends ErrorReason>(reason: Q): this is BridgeError<Q> {
    return (this.reason as ErrorReason) === reason;
  }
}

/** There is no connection to the daemon; `messages` say what the person can do about it. */
export class ConnectError extends Error {
  override readonly name = "ConnectError";
  readonly reason: ConnectReason;
  readonly messages: Messages;

  constructor(reason: ConnectReason, cause?: unknown) {
    super(CONNECT_MESSAGES[reason].en, causeOption(cause));
    this.reason = reason;
    this.messages = CONNECT_MESSAGES[reason];
  }
}

/** Why one digest of `signEach()` has no signature. */
export class SigningFailure {
  /** Which digest, from 0. */
  readonly index: number;
  readonly reason: ErrorReason;
  readonly messages: Messages;

  /** @internal */
  constructor({ index, reason, messages }: SignatureFailure) {
    this.index = index;
    this.reason = reason as ErrorReason;
    this.messages = messagesFrom(messages, reason);
  }
}

/** Return what to tell the person about any failure, in the page's language unless given. */
export function explain(error: unknown, language: string = pageLanguage()): string {
  const known = [BridgeError, ConnectError, SigningFailure].some((kind) => error instanceof kind);
  const messages = known ? (error as { messages: Messages }).messages : UNKNOWN_FAILURE;
  return /^ja\b/i.test(language) ? messages.ja : messages.en;
}

function pageLanguage(): string {
  return globalThis.document?.documentElement.lang || globalThis.navigator?.language || "ja";
}

/** Make the error that the daemon reported. */
export function errorFromWire(wire: WireError): BridgeError {
  const { reason, messages, signatures = [], ...data } = asRecord(wire.data);
  if (typeof reason !== "string") {
    return callError("bad-reply", {}, new Error(wire.message));
  }
  return new BridgeError(reason as ErrorReason, {
    code: wire.code,
    data: data as CallErrors[ErrorReason],
    messages: messagesFrom(messages, wire.message),
    signatures: (signatures as string[]).map(fromBase64),
  });
}

/** Make an error that this client found by itself. */
export function callError<R extends keyof typeof CALL_MESSAGES>(
  reason: R,
  data: CallErrors[R],
  cause?: unknown,
): BridgeError<R> {
  return new BridgeError(reason, { code: 0, data, messages: CALL_MESSAGES[reason], cause });
}

/** Return what a close code says about the end of an open connection. */
export function reasonOfClose(code: number): ConnectReason {
  switch (code) {
    case CloseCode.GOING_AWAY:
      return "going-away";
    case CloseCode.BAD_SUBPROTOCOL:
      return "version-mismatch";
    case CloseCode.SITE_NOT_ALLOWED:
      return "site-not-allowed";
    case CloseCode.TOO_SLOW:
      return "too-slow";
    case CloseCode.TOO_MANY_CONNECTIONS:
      return "too-many-connections";
    case CloseCode.FLOOD:
      return "too-many-requests";
    case CloseCode.MISCONFIGURED:
      return "misconfigured";
    default:
      return "connection-lost";
  }
}

/** Read the sentences of a failure; a daemon that has none still says something. */
function messagesFrom(wire: unknown, english: string): Messages {
  const { ja, en } = asRecord(wire);
  return {
    ja: typeof ja === "string" ? ja : UNKNOWN_FAILURE.ja,
    en: typeof en === "string" ? en : english,
  };
}

function causeOption(cause: unknown): ErrorOptions | undefined {
  return cause === undefined ? undefined : { cause };
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
