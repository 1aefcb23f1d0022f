/**
 * Counters of a running pipeline in shared memory: every lane, reader and sink (an *actor*) writes its own slot, the
 * main thread reads all of them at any time, also while a lane is busy. Plain 8-byte stores with one writer each: a
 * reader may see a value late, never torn (aligned doubles). Nothing here decides anything, so late is good enough.
 */
import type { Arena, Ptr } from '@spillway/core/internal';
import { ACTOR_DOUBLES } from './actor-statistics.ts';
import { OPERATOR_DOUBLES } from './operator-statistics.ts';

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
