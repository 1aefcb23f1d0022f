/** What a lane, reader or sink counts in its slot (`statistics.ts`). */
import type { Ptr } from '@spillway/core/internal';

/** Doubles of an actor's slot. */
const ACTOR = {
  packets: 0,
  rowsIn: 1,
  rowsOut: 2,
  bytesIn: 3,
  activity: 4,
  waitsFor: 5,
  progressAtMs: 6,
  /** Since when it does what it does. */
  sinceMs: 7,
  /** Milliseconds that it has spent with each activity; in the order of `ACTIVITIES`. */
  spentMs: 8,
  /** Of its isolate; written while somebody watches. */
  heapBytes: 14,
  externalBytes: 15,
  collections: 16,
  collectionMs: 17,
} as const;

export const ACTOR_DOUBLES = 18;

/** What an actor is doing. The order is the number that is stored. */
export const ACTIVITIES = [
  'waiting to start',
  'working',
  'waiting for input',
  'waiting for room in its output',
  'giving memory back',
  'done',
] as const;

/** What a lane, reader or sink is doing. */
export type Activity = (typeof ACTIVITIES)[number];

/** The slot of one lane, reader or sink. */
export class ActorStatistics {
  readonly #slot: Float64Array;

  constructor(buffer: SharedArrayBuffer, pointer: Ptr) {
    this.#slot = new Float64Array(buffer, pointer, ACTOR_DOUBLES);
  }

  clear(): void {
    this.#slot.fill(0);
  }

  countIn(rows: number, bytes = 0): void {
    const slot = this.#slot;
    slot[ACTOR.packets] = (slot[ACTOR.packets] as number) + 1;
    slot[ACTOR.rowsIn] = (slot[ACTOR.rowsIn] as number) + rows;
    slot[ACTOR.bytesIn] = (slot[ACTOR.bytesIn] as number) + bytes;
    slot[ACTOR.progressAtMs] = Date.now();
  }

  countOut(rows: number): void {
    this.#slot[ACTOR.rowsOut] = (this.#slot[ACTOR.rowsOut] as number) + rows;
  }

  /** Says what the actor does from now on; `edge` is the edge it waits on. */
  enter(activity: Activity, edge = -1): void {
    const slot = this.#slot;
    const now = clockMs();
    const since = slot[ACTOR.sinceMs] as number;
    const spent = ACTOR.spentMs + (slot[ACTOR.activity] as number);
    if (since > 0) slot[spent] = (slot[spent] as number) + now - since;
    slot[ACTOR.sinceMs] = now;
    slot[ACTOR.activity] = ACTIVITIES.indexOf(activity);
    slot[ACTOR.waitsFor] = edge;
  }

  /** Counts time from now on: the slot was filled with what another thread had counted. */
  startClock(): void {
    this.#slot[ACTOR.sinceMs] = 0;
  }

  setIsolate({ heapBytes, externalBytes, collections, collectionMs }: IsolateReading): void {
    const slot = this.#slot;
    slot[ACTOR.heapBytes] = heapBytes;
    slot[ACTOR.externalBytes] = externalBytes;
    slot[ACTOR.collections] = collections;
    slot[ACTOR.collectionMs] = collectionMs;
  }

  read(): ActorReading {
    const slot = this.#slot;
    const activity = slot[ACTOR.activity] as number;
    const since = slot[ACTOR.sinceMs] as number;
    const spentMs = {} as Record<Activity, number>;
    ACTIVITIES.forEach((name, index) => {
      const running = index === activity && since > 0 ? Math.max(0, clockMs() - since) : 0;
      spentMs[name] = (slot[ACTOR.spentMs + index] as number) + running;
    });
    return {
      packets: slot[ACTOR.packets] as number,
      rowsIn: slot[ACTOR.rowsIn] as number,
      rowsOut: slot[ACTOR.rowsOut] as number,
      bytesIn: slot[ACTOR.bytesIn] as number,
      activity: ACTIVITIES[activity] as Activity,
      waitsFor: slot[ACTOR.waitsFor] as number,
      progressAtMs: slot[ACTOR.progressAtMs] as number,
      spentMs,
      isolate: {
        heapBytes: slot[ACTOR.heapBytes] as number,
        externalBytes: slot[ACTOR.externalBytes] as number,
        collections: slot[ACTOR.collections] as number,
        collectionMs: slot[ACTOR.collectionMs] as number,
      },
    };
  }
}

export interface ActorReading {
  packets: number;
  rowsIn: number;
  rowsOut: number;
  bytesIn: number;
  activity: Activity;
  /** Edge it waits on, or -1. */
  waitsFor: number;
  /** Wall clock of the last packet taken, 0 before the first. */
  progressAtMs: number;
  spentMs: Record<Activity, number>;
  isolate: IsolateReading;
}

/** What the JavaScript heap of a thread holds, and what collecting its garbage has cost since somebody watches. */
export interface IsolateReading {
  heapBytes: number;
  /** Array buffers and the like, outside the heap. */
  externalBytes: number;
  collections: number;
  collectionMs: number;
}

/** Milliseconds since 1970 with fractions: the same clock in all threads. */
function clockMs(): number {
  return performance.timeOrigin + performance.now();
}
