/** Who has to give memory back when it is short. */
import type { Gives } from '@spillway/core/planner';

/** A lane that could. */
export interface Candidate {
  lane: number;
  gives: Gives;
  /** Edges between it and the nearest sink. */
  distance: number;
  /** What it could give. */
  bytes: number;
}

/** For less nobody is bothered: a flush would cost more than it gives. */
export const WORTH_BYTES: number = 64 * 1024;

/**
 * The flushable lane nearest a sink, because what it emits soon leaves; of several the one that holds most. Where nobody can flush, the
 * lane that spills the smallest amount that is enough, because the disk is slow; where none is enough, the largest.
 */
export function chooseVictim(candidates: readonly Candidate[], wantedBytes: number): Candidate | undefined {
  const worth = candidates.filter(({ bytes }) => bytes >= WORTH_BYTES);
  const flushing = worth.filter(({ gives }) => gives === 'flush');
  if (flushing.length > 0)
    return flushing.reduce((best, other) =>
      other.distance < best.distance || (other.distance === best.distance && other.bytes > best.bytes) ? other : best,
    );
  const spilling = worth.filter(({ gives }) => gives === 'spill').sort((left, right) => left.bytes - right.bytes);
  return spilling.find(({ bytes }) => bytes >= wantedBytes) ?? spilling.at(-1);
}
