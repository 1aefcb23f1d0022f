/**
 * Counters of a running pipeline in shared memory: every lane, reader and sink (an *actor*) writes its own slot, the
 * main thread reads all of them at any time, also while a lane is busy. Plain 8-byte stores with one writer each: a
 * reader may see a value late, never torn (aligned doubles). Nothing here decides anything, so late is good enough.
 */
import type { Arena, FlushReason, HeldState, Ptr } from '@spillway/core/internal';

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
const ACTOR_DOUBLES = 18;

/** Doubles of an operator's slot, one slot a lane. */
const OPERATOR = {
  inputs: 0,
  rows: 1,
  bytes: 2,
  peakBytes: 3,
  flushes: 4,
  spilledBytes: 10,
  limitBytes: 11,
  wishBytes: 12,
  capBytes: 13,
  lateRows: 14,
  /** Handed on by forced flushes, by now, since a flush that nobody forced. */
  forcedBytes: 15,
  /** Held at forced flushes since `setHeld`; what is left of it then was not handed on. */
  emptiedBytes: 16,
  wantedBytes: 17,
} as const;
const OPERATOR_DOUBLES = 18;

export const FLUSH_REASONS: readonly FlushReason[] = ['iterations', 'rows', 'memory', 'interval', 'pressure', 'end'];

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

/** The slot of one operator in one lane. */
export class OperatorStatistics {
  readonly #slot: Float64Array;

  constructor(buffer: SharedArrayBuffer, pointer: Ptr) {
    this.#slot = new Float64Array(buffer, pointer, OPERATOR_DOUBLES);
  }

  clear(): void {
    this.#slot.fill(0);
  }

  setHeld(held: HeldState): void {
    const slot = this.#slot;
    slot[OPERATOR.inputs] = held.inputs;
    slot[OPERATOR.rows] = held.rows;
    slot[OPERATOR.bytes] = held.bytes;
    if (held.bytes > (slot[OPERATOR.peakBytes] as number)) slot[OPERATOR.peakBytes] = held.bytes;
    const emptied = slot[OPERATOR.emptiedBytes] as number;
    if (emptied > 0) {
      slot[OPERATOR.forcedBytes] = (slot[OPERATOR.forcedBytes] as number) + Math.max(0, emptied - held.bytes);
      slot[OPERATOR.emptiedBytes] = 0;
    }
    this.#want((slot[OPERATOR.forcedBytes] as number) + held.bytes);
  }

  #want(bytes: number): void {
    if (bytes > (this.#slot[OPERATOR.wantedBytes] as number)) this.#slot[OPERATOR.wantedBytes] = bytes;
  }

  countLate(rows: number): void {
    this.#slot[OPERATOR.lateRows] = (this.#slot[OPERATOR.lateRows] as number) + rows;
  }

  countSpilled(bytes: number): void {
    this.#slot[OPERATOR.spilledBytes] = (this.#slot[OPERATOR.spilledBytes] as number) + bytes;
  }

  /** The limit of a stage that leaves it to the governor, and what it would be without a cap. */
  setLimit(limitBytes: number, wishBytes: number): void {
    this.#slot[OPERATOR.limitBytes] = limitBytes;
    this.#slot[OPERATOR.wishBytes] = wishBytes;
  }

  /** Most that such a limit may be. Written by the main thread. */
  setCap(bytes: number): void {
    this.#slot[OPERATOR.capBytes] = bytes;
  }

  get capBytes(): number {
    return this.#slot[OPERATOR.capBytes] as number;
  }

  /** @param heldBytes what it held when the trigger fired */
  countFlush(reason: FlushReason, heldBytes: number): void {
    const slot = this.#slot;
    const index = OPERATOR.flushes + FLUSH_REASONS.indexOf(reason);
    slot[index] = (slot[index] as number) + 1;
    const emptied = (slot[OPERATOR.emptiedBytes] as number) + heldBytes;
    if (isForced(reason)) {
      slot[OPERATOR.emptiedBytes] = emptied;
      return;
    }
    this.#want((slot[OPERATOR.forcedBytes] as number) + emptied);
    slot[OPERATOR.forcedBytes] = 0;
    slot[OPERATOR.emptiedBytes] = 0;
  }

  read(): OperatorReading {
    const slot = this.#slot;
    const flushes = {} as FlushCounts;
    FLUSH_REASONS.forEach((reason, index) => {
      flushes[reason] = slot[OPERATOR.flushes + index] as number;
    });
    return {
      held: {
        inputs: slot[OPERATOR.inputs] as number,
        rows: slot[OPERATOR.rows] as number,
        bytes: slot[OPERATOR.bytes] as number,
      },
      peakBytes: slot[OPERATOR.peakBytes] as number,
      wantedBytes: slot[OPERATOR.wantedBytes] as number,
      spilledBytes: slot[OPERATOR.spilledBytes] as number,
      lateRows: slot[OPERATOR.lateRows] as number,
      limitBytes: slot[OPERATOR.limitBytes] as number,
      wishBytes: slot[OPERATOR.wishBytes] as number,
      flushes,
    };
  }
}

/** Flushes by reason. */
export type FlushCounts = Record<FlushReason, number>;

export interface OperatorReading {
  held: HeldState;
  peakBytes: number;
  /** The peak that there would have been without the flushes that only memory asked for. */
  wantedBytes: number;
  spilledBytes: number;
  /** Rows that came too late and were left out. */
  lateRows: number;
  /** 0 where nothing is left to the governor, and before the first input. */
  limitBytes: number;
  wishBytes: number;
  flushes: FlushCounts;
}

/** Whether only memory asked for it: a larger limit would have spared it. */
function isForced(reason: FlushReason): boolean {
  return reason === 'memory' || reason === 'pressure';
}

/** Flushes that a larger limit would have spared. */
export function forcedFlushes({ memory, pressure }: FlushCounts): number {
  return memory + pressure;
}

export function noFlushes(): FlushCounts {
  return { iterations: 0, rows: 0, memory: 0, interval: 0, pressure: 0, end: 0 };
}

export function addFlushes(sum: FlushCounts, more: FlushCounts): void {
  for (const reason of FLUSH_REASONS) sum[reason] += more[reason];
}

/** Where an actor's slots lie; goes to the thread that writes them. */
export interface StatisticsPlace {
  actor: Ptr;
  /** One an operator, in the stage's order. */
  operators: Ptr[];
}

/** Lays the slots of all actors of a run out in one slab of so many `bytes`; the caller releases `slab`. */
export function placeStatistics(
  arena: Arena,
  owner: number,
  operatorsOfActor: readonly number[],
): { slab: Ptr; bytes: number; places: StatisticsPlace[] } {
  const operators = operatorsOfActor.reduce((sum, count) => sum + count, 0);
  const doubles = operatorsOfActor.length * ACTOR_DOUBLES + operators * OPERATOR_DOUBLES;
  const slab = arena.alloc(Math.max(doubles, 1) * 8, owner);
  arena.u8.fill(0, slab, slab + doubles * 8);
  let next = slab;
  const take = (count: number): Ptr => {
    const place = next;
    next += count * 8;
    return place;
  };
  const places = operatorsOfActor.map((count) => ({
    actor: take(ACTOR_DOUBLES),
    operators: Array.from({ length: count }, () => take(OPERATOR_DOUBLES)),
  }));
  return { slab, bytes: doubles * 8, places };
}
