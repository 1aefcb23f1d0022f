/**
 * Sleeping and waking between threads, step by step, in every order that there is: each step is one operation on shared memory. Sleepers wait
 * for one of several events; wakers make the events. Written as in `packages/workers/src/channels/wait.ts`.
 */

/** When the waker takes back the sleepers' announcement: before it changes the signal, or after. */
export type WakeOrder = 'announcement first' | 'signal first';

interface Memory {
  signal: number;
  announced: boolean;
  /** Events that have happened, by number. */
  happened: number;
}

interface Thread {
  /** Next step. */
  at: number;
  /** Sleeper: the signal as it was read. Waker: 1 when it has taken an announcement back. */
  seen: number;
  isAsleep: boolean;
}

const DONE = -1;

/** Tries all orders. Gives the steps that lead to a sleeper nobody wakes, by thread number; undefined when there are none. */
export function findLostWakeUp(order: WakeOrder, sleepers: number, events: number): number[] | undefined {
  const threads = Array.from({ length: sleepers + events }, () => ({ at: 0, seen: 0, isAsleep: false }));
  const seen = new Set<string>();
  const explore = (memory: Memory, all: Thread[], path: number[]): number[] | undefined => {
    const key = JSON.stringify([memory, all]);
    if (seen.has(key)) return undefined;
    seen.add(key);
    let hasMoved = false;
    for (const [index, thread] of all.entries()) {
      if (thread.at === DONE || thread.isAsleep) continue;
      hasMoved = true;
      const next = { memory: { ...memory }, all: all.map((other) => ({ ...other })) };
      const moved = next.all[index] as Thread;
      if (index < sleepers) stepSleeper(moved, next.memory, index % events);
      else stepWaker(moved, next.memory, next.all, index - sleepers, order);
      const found = explore(next.memory, next.all, [...path, index]);
      if (found !== undefined) return found;
    }
    return !hasMoved && all.some((thread) => thread.isAsleep) ? path : undefined;
  };
  return explore({ signal: 0, announced: false, happened: 0 }, threads, []);
}

/** Reads the signal, announces itself, looks whether its event has happened, sleeps unless the signal has changed. */
function stepSleeper(thread: Thread, memory: Memory, event: number): void {
  if (thread.at === 0) thread.seen = memory.signal;
  if (thread.at === 1) memory.announced = true;
  if (thread.at === 2 && (memory.happened & (1 << event)) !== 0) {
    thread.at = DONE;
    return;
  }
  if (thread.at === 3) {
    thread.isAsleep = memory.signal === thread.seen;
    thread.at = 0;
    return;
  }
  thread.at += 1;
}

/** Makes its event happen, changes the signal, and wakes everybody if an announcement was there to be taken back. */
function stepWaker(thread: Thread, memory: Memory, all: Thread[], event: number, order: WakeOrder): void {
  const [looks, takes, changes] = order === 'announcement first' ? [1, 2, 3] : [2, 3, 1];
  const { at } = thread;
  thread.at += 1;
  if (at === 0) memory.happened |= 1 << event;
  if (at === changes) memory.signal += 1;
  if (at === looks) thread.seen = memory.announced ? 1 : 0;
  if (at === takes && thread.seen === 1) {
    thread.seen = memory.announced ? 1 : 0;
    memory.announced = false;
  }
  if (at === 4) {
    if (thread.seen === 1) for (const other of all) other.isAsleep = false;
    thread.at = DONE;
  }
}
