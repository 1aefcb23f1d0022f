import { existsSync, readlinkSync } from 'node:fs';
import { PipelineError } from '../errors.ts';
import { Control } from './layout.ts';

const SPINS = 200;
/** Sleep between tries once spinning did not help: the holder may have lost its core. */
const SLEEP_MS = 0.02;
const PATIENCE_MS = 10_000;
/** After so long it is worth asking the system whether the holder is alive. */
const ASK_AFTER_MS = 5;

/**
 * What a thread holds the lock by: its number in the system, so that others can see whether it is alive; where the system does not say, a
 * negative number that tells nothing.
 */
export function lockHolder(threadId: number): number {
  try {
    return Number(/\d+$/.exec(readlinkSync('/proc/thread-self'))?.[0] ?? -threadId);
  } catch {
    // No such file system here.
    return -threadId;
  }
}

/** Whether a holder is no thread of this process any more. */
function isGone(holder: number): boolean {
  return holder > 0 && existsSync('/proc/self/task') && !existsSync(`/proc/self/task/${holder}`);
}

function acquireSlowly(control: Int32Array, self: number, { repair, patienceMs }: Required<LockOptions>): void {
  const since = performance.now();
  let askAtMs = since + ASK_AFTER_MS;
  for (;;) {
    for (let spin = 0; spin < SPINS; spin++) {
      if (Atomics.load(control, Control.lock) === 0 && Atomics.compareExchange(control, Control.lock, 0, self) === 0)
        return;
    }
    const holder = Atomics.load(control, Control.lock);
    if (holder !== 0) Atomics.wait(control, Control.lock, holder, SLEEP_MS);
    const now = performance.now();
    if (now > askAtMs) {
      askAtMs = now + ASK_AFTER_MS;
      if (isGone(holder) && Atomics.compareExchange(control, Control.lock, holder, self) === holder) return repair();
    }
    if (now - since > patienceMs) {
      throw new PipelineError('ERR_STALLED', `thread ${holder} has held the arena's lock for ${patienceMs / 1000} s`, {
        hint: 'a thread was killed inside the allocator; the run has to be restarted with a fresh arena',
      });
    }
  }
}

export interface LockOptions {
  /** Makes good what a holder that died has left half done. Called with the lock held. */
  repair?: () => void;
  patienceMs?: number;
}

/**
 * Takes the arena's one lock. It is held for well under a microsecond (a few for a sweep), never across user code, so
 * spinning comes first. The value tells who holds it (`lockHolder`): from a thread that is gone it is taken over.
 *
 * @throws ERR_STALLED when the lock stays held for `patienceMs`: its holder is dead
 */
export function acquire(
  control: Int32Array,
  holder: number,
  { repair = () => {}, patienceMs = PATIENCE_MS }: LockOptions,
): void {
  if (Atomics.compareExchange(control, Control.lock, 0, holder) !== 0)
    acquireSlowly(control, holder, { repair, patienceMs });
}

/** Sleepers wake by their timeout; a notify here would cost every release a system call's worth of work. */
export function release(control: Int32Array): void {
  Atomics.store(control, Control.lock, 0);
}
