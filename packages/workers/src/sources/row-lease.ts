import type { Arena } from '@spillway/core/internal';
import { inTurn } from '../channels/in-turn.ts';

const LOOK_EVERY_MS = 2;
/** Nothing was given back for so long: there will be no more room. */
const STILL_MS = 2000;

/**
 * Room for rows that are larger than the largest batch of their edge. No floor covers them, so they go one at a time: the run's
 * next such row waits until the last one has been taken, and meanwhile for what others give back.
 */
export class RowLease {
  /** Runs what it is given when every earlier one is through. */
  readonly exclusive: (use: () => Promise<void>) => Promise<void> = inTurn();
}

/**
 * Waits until so many bytes are free in the arena. False when nothing has been given back for a while: then they never will be.
 * @throws the signal's reason
 */
export async function untilRoom(arena: Arena, bytes: number, signal: AbortSignal): Promise<boolean> {
  let used = arena.usedBytes();
  let sinceMs = performance.now();
  while (arena.usedBytes() + bytes > arena.limit()) {
    await pause(signal);
    const now = arena.usedBytes();
    if (now < used) sinceMs = performance.now();
    else if (performance.now() - sinceMs > STILL_MS) return false;
    used = now;
  }
  return true;
}

/** Waits until `isOver`. @throws the signal's reason */
export async function until(isOver: () => boolean, signal: AbortSignal): Promise<void> {
  while (!isOver()) await pause(signal);
}

async function pause(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve) => void setTimeout(resolve, LOOK_EVERY_MS));
}
