/** The parts of a run that are under way at once, and waiting for all of them with a limit after a failure. */
import type { FailureLatch } from './failure.ts';
import { namedError } from './failure.ts';

export class Activities {
  readonly #latch: FailureLatch;
  readonly #pending: Set<Promise<void>> = new Set();

  constructor(latch: FailureLatch) {
    this.#latch = latch;
  }

  /** Watches a part of the run; when it rejects, the run fails and names it. */
  watch(name: string, part: Promise<unknown>): void {
    const settled = part.then(
      () => {},
      (error: unknown) => this.#latch.fail(namedError(error, name)),
    );
    this.#pending.add(settled);
    void settled.then(() => this.#pending.delete(settled));
  }

  /** Resolves when every part has ended, well or not. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** As `settled`, but gives up after a time. Returns whether everything has ended. */
  async settledWithin(limitMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), limitMs);
    });
    const ended = await Promise.race([this.settled().then(() => true), timeout]);
    clearTimeout(timer);
    return ended;
  }
}
