/** What control group and machine say, kept for a moment for all runs of the process: reading it takes some hundred microseconds. */
import { type CgroupMemory, readCgroupMemory } from './cgroup.ts';
import { type MachineMemory, readMachineMemory } from './machine-memory.ts';

/** A reading with its time. */
export class KeptReading<T> {
  readonly #read: () => T;
  readonly #now: () => number;
  #kept: { value: T; atMs: number } | undefined;

  constructor(read: () => T, now: () => number = () => performance.now()) {
    this.#read = read;
    this.#now = now;
  }

  /** @param mostMs age at which it is read anew */
  get(mostMs: number): T {
    const now = this.#now();
    if (this.#kept === undefined || now - this.#kept.atMs > mostMs) this.#kept = { value: this.#read(), atMs: now };
    return this.#kept.value;
  }
}

export const cgroupMemory: KeptReading<CgroupMemory | undefined> = new KeptReading(() => readCgroupMemory());
export const machineMemory: KeptReading<MachineMemory> = new KeptReading(() => readMachineMemory());
