import { freemem, totalmem } from 'node:os';
import { type ReadText, readTextFile } from './cgroup.ts';

/** Memory of the whole machine, in bytes. `available` counts what the kernel can give without swapping. */
export interface MachineMemory {
  totalBytes: number;
  availableBytes: number;
}

function kibibytes(text: string, key: string): number | undefined {
  const match = new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(text);
  return match === null ? undefined : Number(match[1]) * 1024;
}

/** Reads /proc/meminfo; elsewhere than on Linux it is the free memory that Node reports. */
export function readMachineMemory(read: ReadText = readTextFile): MachineMemory {
  const text = read('/proc/meminfo') ?? '';
  return {
    totalBytes: kibibytes(text, 'MemTotal') ?? totalmem(),
    availableBytes: kibibytes(text, 'MemAvailable') ?? freemem(),
  };
}

/**
 * Microseconds for which some task stood still waiting for memory, since boot: the `some … total=` of pressure stall
 * information. Undefined where the kernel has none. Only differences between two readings mean anything.
 */
export function readMemoryStallUs(read: ReadText = readTextFile): number | undefined {
  const match = /^some .*\btotal=(\d+)/m.exec(read('/proc/pressure/memory') ?? '');
  return match === null ? undefined : Number(match[1]);
}
