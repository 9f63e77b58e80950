/** Pages of this computer itself: a browser asks where the address is a less private one. */
const LOOPBACK = /^(?:(?:.+\.)?localhost|127(?:\.\d+){3}|\[::1\])$/;

/** The browser's answer to "may this page reach programs on this device?". */
export type Permission = PermissionState | "unknown";

/** The names of that permission, the present one first (Chromium has had both). */
const NAMES = ["loopback-network", "local-network-access"];

/**
 * Ask the browser without asking the person; `unknown` where it does not know the question.
 *
 * `granted` also for a page of this computer itself, where no browser asks.
 */
export async function queryPermission(): Promise<Permission> {
  const state = await stateOfAny();
  const ours = LOOPBACK.test(globalThis.location?.hostname ?? "");
  return ours && state === "prompt" ? "granted" : state;
}

async function stateOfAny(): Promise<Permission> {
  for (const name of NAMES) {
    try {
      const permissions: Permissions | undefined = globalThis.navigator?.permissions;
      const status = await permissions?.query({ name: name as PermissionName });
      if (status) {
        return status.state;
      }
    } catch {
      // A browser that does not know the name throws TypeError: try the next.
    }
  }
  return "unknown";
}
