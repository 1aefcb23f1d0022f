import { PipelineError } from '../errors.ts';
import { Control } from './layout.ts';

const SPINS = 200;
/** Sleep between tries once spinning did not help: the holder may have lost its core. */
const SLEEP_MS = 0.02;
const PATIENCE_MS = 10_000;

function acquireSlowly(control: Int32Array, threadId: number, patienceMs: number): void {
  const since = performance.now();
  for (;;) {
    for (let spin = 0; spin < SPINS; spin++) {
      if (
        Atomics.load(control, Control.lock) === 0 &&
        Atomics.compareExchange(control, Control.lock, 0, threadId) === 0
      )
        return;
    }
    const holder = Atomics.load(control, Control.lock);
    if (holder !== 0) Atomics.wait(control, Control.lock, holder, SLEEP_MS);
    if (performance.now() - since > patienceMs) {
      throw new PipelineError('ERR_STALLED', `thread ${holder} has held the arena's lock for ${patienceMs / 1000} s`, {
        hint: 'a thread was killed inside the allocator; the run has to be restarted with a fresh arena',
      });
    }
  }
}

/**
 * Takes the arena's one lock. It is held for well under a microsecond (a few for a sweep), never across user code, so
 * spinning comes first. The value is the holder's id, for the message when a dead thread holds it.
 *
 * @throws ERR_STALLED when the lock stays held for `patienceMs`: its holder is dead
 */
export function acquire(control: Int32Array, threadId: number, patienceMs: number = PATIENCE_MS): void {
  if (Atomics.compareExchange(control, Control.lock, 0, threadId) !== 0) acquireSlowly(control, threadId, patienceMs);
}

/** Sleepers wake by their timeout; a notify here would cost every release a system call's worth of work. */
export function release(control: Int32Array): void {
  Atomics.store(control, Control.lock, 0);
}
