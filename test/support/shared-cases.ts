import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of acceptance data beside the checkout. */
export interface SharedCases {
  readonly root: string;
  /** A path inside it. */
  path(...parts: string[]): string;
}

let isMissingSaid = false;

/**
 * The acceptance data in `../shared` beside the checkout, or undefined, said once, when it is not there. Use it as
 * `describe.skipIf(shared === undefined)`: the project's own suite must stand without it.
 */
export function sharedCases(): SharedCases | undefined {
  // This file runs from test/dist/support as well as from test/support.
  const checkout = fileURLToPath(
    new URL(import.meta.url.includes('/dist/support/') ? '../../..' : '../..', import.meta.url),
  );
  const root = join(checkout, '..', 'shared');
  if (existsSync(join(root, 'cases'))) return { root, path: (...parts) => join(root, ...parts) };
  if (!isMissingSaid) console.warn(`skipped: no acceptance data at ${root}`);
  isMissingSaid = true;
  return undefined;
}
