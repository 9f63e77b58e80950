import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";

const ROOT = new URL("..", import.meta.url).pathname;
const run = promisify(execFile);

const PORTAL = `
import { BridgeError, connect, ConnectError, explain, fromBase64 } from "@bridged/client";
import type { Bridge, Certificate, Lease } from "@bridged/client";

export async function signIn(challenge: string, pin: string): Promise<string> {
  try {
    const bridge: Bridge = await connect({ onHint: ({ ja }) => alert(ja) });
    bridge.addEventListener("lease.ended", ({ detail }) => alert(detail.cause));
    bridge.addEventListener("close", ({ detail }) => alert(explain(detail.error)));
    const certificate: Certificate | undefined = (await bridge.certificates())[0];
    if (!certificate?.x509) return "";
    const lease: Lease = await bridge.verifyPin({ key: certificate.id, pin });
    alert(fromBase64(certificate.x509.der).length);
    const token = await bridge.authenticate({ certificate: certificate.id, challenge });
    await lease.release();
    return JSON.stringify(token);
  } catch (error) {
    if (error instanceof BridgeError && error.is("pin-incorrect")) {
      const left: number | null = error.data.triesLeft;
      return String(left);
    }
    return error instanceof ConnectError ? error.reason satisfies string : "";
  }
}

declare const bridge: Bridge;
// @ts-expect-error an event that does not exist
bridge.addEventListener("reader.gone", () => {});
// @ts-expect-error an algorithm that does not exist
void bridge.sign({ certificate: "", algorithm: "RS1", digests: [] });
`;

suite("the package, as a portal gets it", () => {
  let portal: string;
  before(async () => {
    portal = await mkdtemp(join(tmpdir(), "bridged-portal-"));
    const installed = join(portal, "node_modules", "@bridged", "client");
    await mkdir(installed, { recursive: true });
    await cp(join(ROOT, "package.json"), join(installed, "package.json"));
    await cp(join(ROOT, "dist"), join(installed, "dist"), { recursive: true });
    await symlink(
      join(ROOT, "node_modules", "typescript"),
      join(portal, "node_modules/typescript"),
    );
    await writeFile(join(portal, "package.json"), JSON.stringify({ type: "module" }));
    await writeFile(join(portal, "portal.ts"), PORTAL);
  });
  after(() => rm(portal, { recursive: true }));

  for (const [module, moduleResolution] of [
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ] as const) {
    test(`has types for ${moduleResolution}`, async () => {
      const compilerOptions = {
        module,
        moduleResolution,
        target: "es2022",
        lib: ["es2022", "dom", "esnext.disposable"],
        types: [],
        strict: true,
        noEmit: true,
      };
      const project = { compilerOptions, files: ["portal.ts"] };
      await writeFile(join(portal, "tsconfig.json"), JSON.stringify(project));
      const tsc = join(ROOT, "node_modules", ".bin", "tsc");
      await run(tsc, ["--project", portal]).catch(({ stdout }) => assert.fail(stdout));
    });
  }

  test("is one module graph that a browser can load without a bundler", async () => {
    const script =
      'const { connect } = await import("@bridged/client"); console.log(typeof connect)';
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], {
      cwd: portal,
    });
    assert.equal(stdout, "function\n");
  });
});
