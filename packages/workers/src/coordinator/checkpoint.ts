/** Where a run can go on from, after a stage worker has died: everything that was so at one barrier. */
import type { SavedChain, SinkMark, SpilledFile } from '@spillway/core/internal';
import type { EndedMark } from '../codecs/protocol.ts';
import type { SplitOrderState } from './split-order.ts';

export interface Checkpoint {
  /** Number of the barrier, from 1. */
  epoch: number;
  /** By source node: the packet or split that comes next. */
  sources: ReadonlyMap<number, number>;
  /** By `laneKey`, of lanes that have a state. */
  lanes: ReadonlyMap<string, SavedChain>;
  /** By node, of sinks that write files: what they had staged. */
  sinks: ReadonlyMap<number, SinkMark | EndedMark>;
  /** By stage: where chunks of CSV start. */
  chains: ReadonlyMap<number, Uint8Array>;
  /** Stages that had ended. */
  ended: ReadonlySet<number>;
  /** All counters, as they are laid out. */
  statistics: Uint8Array;
  /** How far the order of splits had been compared. */
  splits: SplitOrderState;
  /** What lies on disk for it, by path. */
  files: ReadonlyMap<string, SpilledFile>;
}

export function laneKey(stage: number, lane: number): string {
  return `${stage}-${lane}`;
}
