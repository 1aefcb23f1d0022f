/**
 * Turns at a dataset, so that a long merge comes to its end beside many short ones. Commits need none of it: who is second
 * merges again. But while he merges, others may commit again, and so on for ever. A writer that was second some times takes
 * the turn: others of our kind wait before they begin, as long as its file is fresh. Who dies leaves a file that is not.
 */
import { statSync } from 'node:fs';
import { open, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';

import { LOG_FOLDER } from '../log/log-listing.ts';

const NAME = '.turn';
const FRESH_MS = 5_000;
const BEAT_MS = 1_000;
const LOOK_MS = 20;
/** After so long somebody else's turn is no reason to wait any more. */
const MOST_WAIT_MS = 120_000;

function turnPath(table: string): string {
  return join(table, LOG_FOLDER, NAME);
}

function isTaken(path: string): boolean {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found !== undefined && Date.now() - found.mtimeMs < FRESH_MS;
  } catch {
    // Nobody can tell: commits are safe all the same.
    return false;
  }
}

/** The turn of one writer. `end` it on every path. */
export class Turn {
  readonly #path: string;
  readonly #beat: NodeJS.Timeout;

  private constructor(path: string) {
    this.#path = path;
    // A beat that fails, because the folder is gone or read-only, ends the turn early; that is all.
    this.#beat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), BEAT_MS);
    this.#beat.unref();
  }

  /** Takes the turn, or gives undefined when another has it. */
  static async take(table: string): Promise<Turn | undefined> {
    const path = turnPath(table);
    if (isTaken(path)) return undefined;
    try {
      await rm(path, { force: true });
      await (await open(path, 'wx')).close();
      return new Turn(path);
    } catch {
      // Another was quicker, or nothing can be written here, which the commit will say better.
      return undefined;
    }
  }

  async end(): Promise<void> {
    clearInterval(this.#beat);
    await rm(this.#path, { force: true }).catch(() => undefined);
  }
}

/** Waits while another writer has the turn. */
export async function waitForTurn(table: string): Promise<void> {
  const path = turnPath(table);
  const end = Date.now() + MOST_WAIT_MS;
  while (isTaken(path) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}
