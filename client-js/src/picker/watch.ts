import type { Bridge } from "../bridge.ts";
import { BridgeError, ConnectError } from "../errors.ts";
import type { ClosedEvent } from "../events.ts";
import type { Messages } from "../messages.ts";
import type { Certificate, Reader, ReaderState } from "../protocol.ts";
import type { CertificateFilter } from "../requests.ts";

/** What stands in the way of a certificate: a reason, and its own sentences where it has any. */
export interface Trouble {
  readonly reason: string;
  readonly messages: Messages | null;
}

/** One reader, and its certificates or what stands in their way. */
export interface ReaderLook {
  readonly reader: Reader;
  readonly certificates: readonly Certificate[];
  readonly trouble: Trouble | null;
}

/** What is to be seen: all readers, or why there are none. */
export type Look =
  | { readonly trouble: Trouble; readonly readers: readonly [] }
  | { readonly trouble: null; readonly readers: readonly ReaderLook[] };

const EVENTS = [
  "reader.added",
  "reader.removed",
  "card.inserted",
  "card.removed",
  "site.granted",
] as const;

/** States of a reader in which its card need not be asked. */
const STATE_TROUBLE: Partial<Record<ReaderState, string>> = {
  empty: "no-card",
  mute: "card-mute",
  unavailable: "reader-unavailable",
};

/** What ends without an event: look again. */
const TRANSIENT = new Set(["pcsc-unavailable", "card-in-use", "card-leased", "busy"]);
const LOOK_AGAIN_MS = 3000;

/** Whether a certificate is to be shown, among all that are there. */
export type Accepts = (certificate: Certificate, all: readonly Certificate[]) => boolean;

/** Return all certificates that are to be seen. */
export function certificatesOf({ readers }: Look): readonly Certificate[] {
  return readers.flatMap(({ certificates }) => certificates);
}

/** Leave out what is not accepted; a card of which nothing remains is another one than wanted. */
export function narrowed(look: Look, accepts: Accepts): Look {
  if (look.trouble) {
    return look;
  }
  const all = certificatesOf(look);
  const readers = look.readers.map((one) => {
    const certificates = one.certificates.filter((certificate) => accepts(certificate, all));
    const trouble = one.trouble ?? (certificates.length === 0 ? lacking("other-card") : null);
    return { ...one, certificates, trouble };
  });
  return { trouble: null, readers };
}

/** Follows the readers and cards of one bridge. */
export class CardWatch {
  readonly #bridge: Bridge;
  readonly #filter: CertificateFilter;
  readonly #onLook: (look: Look) => void;
  readonly #stopping = new AbortController();
  #closed: Look | null = null;
  #looking: Promise<void> | null = null;
  #wanted = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(bridge: Bridge, filter: CertificateFilter, onLook: (look: Look) => void) {
    this.#bridge = bridge;
    this.#filter = filter;
    this.#onLook = onLook;
  }

  /** Look now and whenever something changes. */
  start(): void {
    const { signal } = this.#stopping;
    const look = () => void this.look();
    for (const event of EVENTS) {
      this.#bridge.addEventListener(event, look, { signal });
    }
    const close = ({ detail }: CustomEvent<ClosedEvent>) => {
      this.#closed = troubled(
        detail.reconnecting ? lacking("reconnecting") : troubleOf(detail.error),
      );
      look();
    };
    const open = () => {
      this.#closed = null;
      look();
    };
    this.#bridge.addEventListener("close", close, { signal });
    this.#bridge.addEventListener("open", open, { signal });
    look();
  }

  /** Tell nothing any more. */
  stop(): void {
    this.#stopping.abort();
    clearTimeout(this.#timer);
  }

  /** Look now, or once more after the look that is under way; resolves when that is told. */
  look(): Promise<void> {
    this.#wanted = true;
    this.#looking ??= this.#lookWhileWanted();
    return this.#looking;
  }

  async #lookWhileWanted(): Promise<void> {
    clearTimeout(this.#timer);
    while (this.#wanted && !this.#stopping.signal.aborted) {
      this.#wanted = false;
      const look = await this.#once();
      if (!this.#wanted && !this.#stopping.signal.aborted) {
        this.#tell(look);
      }
    }
    this.#looking = null;
  }

  #tell(look: Look): void {
    const troubles = [look, ...look.readers].map(({ trouble }) => trouble?.reason ?? "");
    if (troubles.some((reason) => TRANSIENT.has(reason))) {
      this.#timer = setTimeout(() => void this.look(), LOOK_AGAIN_MS);
    }
    this.#onLook(look);
  }

  async #once(): Promise<Look> {
    if (this.#closed) {
      return this.#closed;
    }
    try {
      const present = await this.#bridge.readers();
      if (present.length === 0) {
        return troubled(lacking("no-reader"));
      }
      const looks = await Promise.all(present.map((reader) => this.#reader(reader)));
      // What kind of card it is may be known only after its certificates were asked for.
      const known = new Map((await this.#bridge.readers()).map((reader) => [reader.id, reader]));
      const readers = looks.map((one) => ({
        ...one,
        reader: known.get(one.reader.id) ?? one.reader,
      }));
      return { trouble: null, readers };
    } catch (error) {
      return this.#closed ?? troubled(troubleOf(error));
    }
  }

  async #reader(reader: Reader): Promise<ReaderLook> {
    const reason = STATE_TROUBLE[reader.state];
    if (reason) {
      return { reader, certificates: [], trouble: lacking(reason) };
    }
    try {
      const filter = { ...this.#filter, reader: reader.id };
      const certificates = await this.#bridge.certificates(filter);
      const trouble = certificates.length === 0 ? lacking("certificate-not-found") : null;
      return { reader, certificates, trouble };
    } catch (error) {
      return { reader, certificates: [], trouble: troubleOf(error) };
    }
  }
}

function troubled(trouble: Trouble): Look {
  return { trouble, readers: [] };
}

function lacking(reason: string): Trouble {
  return { reason, messages: null };
}

function troubleOf(error: unknown): Trouble {
  const known = error instanceof BridgeError || error instanceof ConnectError;
  return known ? { reason: error.reason, messages: error.messages } : lacking("closed");
}
