import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import type { ConnectOptions } from "../src/connect.ts";
import type { SocketConstructor } from "../src/socket.ts";

const REPOSITORY = new URL("../..", import.meta.url).pathname;
const PYTHON = process.env["BRIDGED_PYTHON"] ?? join(REPOSITORY, ".venv/bin/python");

/** The daemon itself, with a virtual card in a reader of its own process. */
export class Daemon {
  /** Everything it wrote, its log included. */
  output = "";
  readonly #home: string;
  readonly #arguments: readonly string[];
  #process: ChildProcess;
  #port = "0";

  static async start(profile: string, ...sites: string[]): Promise<Daemon> {
    const home = await mkdtemp(join(tmpdir(), "bridged-client-test-"));
    // Nobody looks at a window here.
    await mkdir(join(home, "bridged"));
    await writeFile(join(home, "bridged", "config.toml"), '[pin]\nways = ["page"]\n');
    const daemon = new Daemon(home, profile, sites);
    await daemon.#listening();
    return daemon;
  }

  private constructor(home: string, profile: string, sites: string[]) {
    this.#home = home;
    const allowed = sites.flatMap((site) => ["--allow", site]);
    this.#arguments = ["--virtual", profile, ...allowed];
    this.#process = this.#spawn();
  }

  #spawn(): ChildProcess {
    const serve = ["-m", "bridged", "serve", "--port", this.#port, ...this.#arguments];
    const [PATH, HOME] = [process.env["PATH"], this.#home];
    const daemon = spawn(PYTHON, serve, {
      cwd: REPOSITORY,
      env: { PATH, HOME, XDG_RUNTIME_DIR: HOME, XDG_CONFIG_HOME: HOME },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const record = (text: Buffer) => {
      this.output += text;
      daemon.emit("output");
    };
    daemon.stdout?.on("data", record);
    daemon.stderr?.on("data", record);
    return daemon;
  }

  async #listening(): Promise<void> {
    const exited = once(this.#process, "close").then(() => "exited");
    let port: string | undefined;
    while (port === undefined) {
      if ((await Promise.race([exited, once(this.#process, "output")])) === "exited") {
        throw new Error(`the daemon did not start:\n${this.output}`);
      }
      port = /^listening on http:\/\/127\.0\.0\.1:(\d+)$/m.exec(this.output)?.[1];
    }
    this.#port = port;
  }

  /** Kill it, so that it cannot say good-bye. */
  async kill(): Promise<void> {
    const exited = once(this.#process, "close");
    this.#process.kill("SIGKILL");
    await exited;
  }

  /** Start it again on the port it had. */
  async restart(): Promise<void> {
    this.output = "";
    this.#process = this.#spawn();
    await this.#listening();
  }

  /** Return how to reach it as a page of `origin`. */
  from(origin: string): ConnectOptions {
    return {
      url: `ws://127.0.0.1:${this.#port}/v1`,
      environment: {
        WebSocket: class extends WebSocket {
          constructor(url: string, protocols: string[]) {
            super(url, protocols, { origin });
          }
        },
      },
    };
  }

  /** End it as a person would, and check that it ended well. */
  async stop(): Promise<void> {
    if (this.#process.exitCode === null) {
      const exited = once(this.#process, "close");
      this.#process.kill("SIGTERM");
      assert.deepEqual(await exited, [0, null], this.output);
    }
    await rm(this.#home, { recursive: true, force: true });
  }
}

/** Return the same way to connect, with every message that comes put into `received`. */
export function recording(options: ConnectOptions, received: object[]): ConnectOptions {
  const Original: SocketConstructor = options.environment?.WebSocket ?? globalThis.WebSocket;
  return {
    ...options,
    environment: {
      ...options.environment,
      WebSocket: class extends Original {
        constructor(url: string, protocols: string[]) {
          super(url, protocols);
          this.addEventListener("message", ({ data }) => received.push(JSON.parse(String(data))));
        }
      },
    },
  };
}
