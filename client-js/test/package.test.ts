import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";

const ROOT = new URL("..", import.meta.url).pathname;
const run = promisify(execFile);

/** What must not compile. */
const MISTAKES = `
import type { Bridge } from "@bridged/client";
declare const bridge: Bridge;
// @ts-expect-error an event that does not exist
bridge.addEventListener("reader.gone", () => {});
// @ts-expect-error an algorithm that does not exist
void bridge.sign({ certificate: "", algorithm: "RS1", digests: [] });
`;

/** Return the pieces of TypeScript in the guide. */
async function guide(): Promise<string[]> {
  const text = await readFile(join(ROOT, "README.md"), "utf8");
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code ?? "");
}

suite("the package, as a portal gets it", () => {
  let portal: string;
  const files: string[] = [];
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
    for (const [index, code] of [...(await guide()), MISTAKES].entries()) {
      files.push(`${index}.ts`);
      await writeFile(join(portal, `${index}.ts`), code);
    }
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
      assert.equal(files.length, 10);
      const project = { compilerOptions, files };
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

  test("has a picker that a server can import, too", async () => {
    const script =
      'const { BridgedCardPicker } = await import("@bridged/client/picker"); console.log(typeof BridgedCardPicker)';
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], {
      cwd: portal,
    });
    assert.equal(stdout, "function\n");
  });
});
