import { readMachineMemory, readMemoryStallUs } from '@spillway/workers/internal';
import { expect, it } from 'vitest';

it('reads total and available memory in bytes', () => {
  const read = () => 'MemTotal:       2048 kB\nMemFree: 1 kB\nMemAvailable:   1024 kB\n';
  expect(readMachineMemory(read)).toEqual({ totalBytes: 2 ** 21, availableBytes: 2 ** 20 });
});

it('falls back to what Node reports where there is no /proc', () => {
  expect(readMachineMemory(() => undefined).totalBytes).toBeGreaterThan(0);
});

it('reads the total stall time of some tasks, or undefined', () => {
  const text = 'some avg10=0.00 avg60=0.00 avg300=0.00 total=4711\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=12\n';
  expect(readMemoryStallUs(() => text)).toBe(4711);
  expect(readMemoryStallUs(() => undefined)).toBeUndefined();
});
