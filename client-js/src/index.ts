/**
 * Use the IC card in the person's reader from a web page, through the daemon on their computer.
 *
 * `connect()` gives a `Bridge`; everything else hangs on it.
 *
 * @packageDocumentation
 */
export { fromBase64, toBase64 } from "./base64.ts";
export type { Bridge } from "./bridge.ts";
export { type ConnectOptions, connect, type Environment } from "./connect.ts";
export { CONNECT_GUIDE, guideFor } from "./connect-button/guide.ts";
export {
  BridgeError,
  type CallErrors,
  ConnectError,
  type ConnectReason,
  type ErrorReason,
  explain,
  SigningFailure,
} from "./errors.ts";
export type { BridgeEvents, ClosedEvent, OpenedEvent, TypedEventTarget } from "./events.ts";
export type { Lease } from "./lease.ts";
export type { Messages } from "./messages.ts";
export { type Permission, queryPermission } from "./permission.ts";
export { openPromptWindow, PromptWindow, type PromptWindowOptions } from "./prompt.ts";
export * from "./protocol.ts";
export type {
  Authentication,
  CertificateFilter,
  CertificateSelection,
  DataSigning,
  DigestSigning,
  DocumentSigning,
  PinChange,
  PinUnblocking,
  PinVerification,
  PukChange,
  Signing,
} from "./requests.ts";
export type { CallOptions, Progress } from "./rpc.ts";
export type { Socket, SocketConstructor } from "./socket.ts";
