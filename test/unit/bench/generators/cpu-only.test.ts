import { CPU_START_US, cpuMetric64ths, cpuSlice, cpuTags } from '@spillway/bench/generators/cpu-only';
import { hash, mix } from '@spillway/bench/generators/mix';
import { describe, expect, it } from 'vitest';

const options = { seed: 42, hosts: 10, ticks: 360 };

describe('the cpu-only generator', () => {
  it('hashes to the golden values', () => {
    expect(mix(1)).toBe(1753845952);
    expect(hash(42, 0, 0, 0)).toBe(881108595);
    expect(hash(42, 1, 2, 3)).toBe(613649534);
  });

  it('gives host 0 its golden metrics at tick 0', () => {
    const metrics = Array.from({ length: 10 }, (_, metric) => cpuMetric64ths(42, 0, metric, 0));
    expect(metrics).toEqual([4541, 2614, 106, 6000, 1604, 1114, 1877, 2483, 4861, 3079]);
  });

  it('sums to the golden total over 10 hosts and 360 ticks', () => {
    const { metrics, rows } = cpuSlice(options, 0, 360);
    expect(rows).toBe(3600);
    const total = metrics.reduce((sum, column) => sum + column.reduce((part, value) => part + value, 0), 0);
    expect(total * 64).toBe(114_477_462);
  });

  it('computes in slices what the definition says cell by cell', () => {
    const slice = cpuSlice(options, 100, 140);
    for (let row = 0; row < slice.rows; row += 1) {
      const tick = 100 + Math.floor(row / 10);
      expect(slice.time[row]).toBe(CPU_START_US + BigInt(tick) * 10_000_000n);
      expect(slice.host[row]).toBe(row % 10);
      for (let metric = 0; metric < 10; metric += 1) {
        expect(slice.metrics[metric]?.[row]).toBe(cpuMetric64ths(42, row % 10, metric, tick) / 64);
      }
    }
  });

  it('makes the same rows in one slice and in many', () => {
    const whole = cpuSlice({ ...options, missingPerMille: 50 }, 0, 64);
    const parts = Array.from({ length: 8 }, (_, i) => cpuSlice({ ...options, missingPerMille: 50 }, i * 8, i * 8 + 8));
    expect(parts.flatMap((part) => [...part.host])).toEqual([...whole.host]);
    expect(parts.flatMap((part) => [...(part.metrics[3] as Float64Array)])).toEqual([
      ...(whole.metrics[3] as Float64Array),
    ]);
    expect(whole.rows).toBeLessThan(640);
  });

  it('leaves out about as many values as asked', () => {
    const { present, rows } = cpuSlice({ ...options, nullsPerMille: 100 }, 0, 360);
    const missing = (present ?? []).reduce((sum, column) => sum + column.filter((there) => there === 0).length, 0);
    expect(missing / (rows * 10)).toBeCloseTo(0.1, 1);
  });

  it('names a datacenter after its region', () => {
    const [hostname, region, datacenter] = cpuTags(42, 7);
    expect(hostname).toBe('host_7');
    expect(datacenter?.slice(0, -1)).toBe(region);
  });
});
