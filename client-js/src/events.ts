import type { ConnectError } from "./errors.ts";
import type { BridgeInfo, Notifications } from "./protocol.ts";

/** The end of a connection. */
export interface ClosedEvent {
  readonly code: number;
  /** Why it ended; null where this page closed it. */
  readonly error: ConnectError | null;
  /** Whether the bridge tries to connect again (`open` follows, or another `close`). */
  readonly reconnecting: boolean;
}

/** A connection that took the place of one that ended: what was listed may be out of date. */
export interface OpenedEvent {
  readonly info: BridgeInfo;
}

/** Everything a `Bridge` dispatches: what the daemon tells, `close` and `open`. */
export interface BridgeEvents extends Omit<Notifications, "request.progress"> {
  close: ClosedEvent;
  open: OpenedEvent;
}

type Listener<D> =
  | ((event: CustomEvent<D>) => void)
  | {
      handleEvent(event: CustomEvent<D>): void;
    };

/** `EventTarget` for events whose `detail` has the type that `E` gives their name. */
export interface TypedEventTarget<E> extends EventTarget {
  addEventListener<K extends keyof E & string>(
    type: K,
    listener: Listener<E[K]> | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  removeEventListener<K extends keyof E & string>(
    type: K,
    listener: Listener<E[K]> | null,
    options?: EventListenerOptions | boolean,
  ): void;
}

/** `EventTarget` as the base class of `Bridge`. */
export const BridgeEventTarget = EventTarget as new () => TypedEventTarget<BridgeEvents>;
