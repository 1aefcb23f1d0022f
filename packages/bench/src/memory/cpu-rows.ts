import { defineOp, defineSource } from '@spillway/core';
import { type CpuOnlyOptions, cpuSlice } from '../generators/cpu-only.ts';

/** Rows of a split at most: one logical batch. */
const SPLIT_ROWS = 65_536;

/** The first two metrics of the cpu-only table, made in the lanes: rows that no decoder has touched. 28 bytes each. */
export const cpuRows = defineSource(import.meta.url, {
  name: 'cpu',
  schema: { time: 'timestamp[us]', host: 'int32', user: 'float64', system: 'float64' },
  orderedOn: 'time',
  options: {
    seed: 'integer',
    hosts: 'integer',
    /** Ticks [fromTick, ticks). */
    ticks: 'integer',
    fromTick: 'integer?',
    missingPerMille: 'integer?',
    /** Added to every time. */
    laterUs: 'integer?',
  },
  splits: ({ hosts, ticks, fromTick = 0 }) => Math.ceil((ticks - fromTick) / ticksOfSplit(hosts)),
  create: ({ seed, hosts, ticks, fromTick = 0, missingPerMille = 0, laterUs = 0 }) => ({
    read: (split) => {
      const from = fromTick + split * ticksOfSplit(hosts);
      return cpuColumns({ seed, hosts, ticks, missingPerMille, laterUs }, from, from + ticksOfSplit(hosts));
    },
  }),
});

export const CPU_ROW_BYTES = 28;

/** Ticks that make a full split. */
export function ticksOfSplit(hosts: number): number {
  return Math.max(1, Math.floor(SPLIT_ROWS / hosts));
}

/** Columns of some rows. */
export type CpuColumns = {
  time: BigInt64Array;
  host: Int32Array;
  user: Float64Array;
  system: Float64Array;
};

/** The source's columns for ticks [from, to). */
export function cpuColumns(options: CpuOnlyOptions, from: number, to: number): CpuColumns {
  const { time, host, metrics } = cpuSlice({ ...options, metrics: 2 }, from, to);
  const [user, system] = metrics as [Float64Array, Float64Array];
  return { time, host: new Int32Array(host.buffer, host.byteOffset, host.length), user, system };
}

/** Takes memory of its own at every batch, and gives all of it back at every tenth. */
export const takesMemory = defineOp(import.meta.url, {
  name: 'takesMemory',
  input: { user: 'float64' },
  output: 'same',
  stateless: true,
  options: { bytes: 'integer' },
  create: ({ bytes }) => {
    let taken: Uint8Array[] = [];
    return {
      process: (batch) => {
        taken.push(new Uint8Array(bytes).fill(1));
        if (taken.length === 10) taken = [];
        return batch;
      },
    };
  },
});

/** Batches, and copies of them, that an op may keep without a reservation. */
const KEPT_BATCHES = 1000;
const KEPT_COPIES = 2;

/** Holds references to batches long after they were its to read, and copies of the last ones; changes nothing. */
export const holdsReferences = defineOp(import.meta.url, {
  name: 'holdsReferences',
  input: { user: 'float64' },
  output: 'same',
  stateless: true,
  create: () => {
    const batches: unknown[] = [];
    const copies: unknown[] = [];
    return {
      process: (batch) => {
        batches.push(batch);
        copies.push(batch.getChild('user')?.toArray().slice());
        if (batches.length > KEPT_BATCHES) batches.shift();
        if (copies.length > KEPT_COPIES) copies.shift();
        return batch;
      },
    };
  },
});
