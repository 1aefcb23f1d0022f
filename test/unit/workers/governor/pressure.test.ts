import { PressureGauge } from '@spillway/workers/internal';
import { describe, expect, it } from 'vitest';

describe('PressureGauge', () => {
  it('enters a level at once, also several at a time', () => {
    const gauge = new PressureGauge();
    expect(gauge.update(0.69)).toBe('normal');
    expect(gauge.update(0.95)).toBe('critical');
    expect(gauge.update(1.2)).toBe('exhausted');
  });

  it('leaves a level only well below where it was entered', () => {
    const gauge = new PressureGauge();
    gauge.update(0.8);
    expect(gauge.update(0.7)).toBe('high');
    expect(gauge.update(0.68)).toBe('elevated');
    expect(gauge.update(0.58)).toBe('normal');
  });

  it.each([0.7, 0.8, 0.9])('changes level at most once when use swings five percent round %d', (threshold) => {
    const gauge = new PressureGauge();
    gauge.update(threshold - 0.05);
    let changes = 0;
    let level = gauge.level;
    for (let step = 0; step < 1000; step++) {
      const next = gauge.update(threshold + 0.05 * Math.sin(step));
      if (next !== level) changes++;
      level = next;
    }
    expect(changes).toBe(1);
  });
});
