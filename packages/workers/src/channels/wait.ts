import { isMainThread } from 'node:worker_threads';

/**
 * Looks at a condition this often before sleeping. A few microseconds: as long as two busy threads need to answer each
 * other, and short against the sleep it may save. The main thread never spins: it has users to serve.
 */
const SPINS: number = isMainThread ? 0 : 400;

/** Resolves when `words[at]` is no longer `seen`, or at once when it has changed already. The event loop stays free. */
export async function changed(words: Int32Array, at: number, seen: number): Promise<void> {
  const wait = Atomics.waitAsync(words, at, seen);
  if (wait.async) await wait.value;
}

/**
 * Runs `attempt` until it gives something, first spinning, then sleeping on a word that changes whenever trying again
 * may help. Returns the result itself when no sleep was needed.
 *
 * No wake-up is lost: the sleeper reads the signal, announces itself, tries again, and only then sleeps on the value it
 * read; the waker changes the signal before it looks for sleepers. Sequential consistency of `Atomics` leaves no order
 * of these in which both miss each other.
 */
export function until<T>(
  words: Int32Array,
  signal: number,
  asleep: number,
  attempt: () => T | undefined,
): T | Promise<T> {
  for (let spin = 0; spin <= SPINS; spin++) {
    const result = attempt();
    if (result !== undefined) return result;
  }
  return sleepUntil(words, signal, asleep, attempt);
}

async function sleepUntil<T>(
  words: Int32Array,
  signal: number,
  asleep: number,
  attempt: () => T | undefined,
): Promise<T> {
  Atomics.add(words, asleep, 1);
  try {
    for (;;) {
      const seen = Atomics.load(words, signal);
      const result = attempt();
      if (result !== undefined) return result;
      await changed(words, signal, seen);
    }
  } finally {
    Atomics.sub(words, asleep, 1);
  }
}

/** Changes a signal and wakes all who sleep on it. Costs no system call when nobody does. */
export function wake(words: Int32Array, signal: number, asleep: number): void {
  Atomics.add(words, signal, 1);
  if (Atomics.load(words, asleep) > 0) Atomics.notify(words, signal);
}
