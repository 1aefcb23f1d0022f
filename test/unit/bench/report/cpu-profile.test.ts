import { type CpuProfile, flameGraph, flamesOf, heaviest } from '@spillway/bench/report/cpu-profile';
import { expect, it } from 'vitest';

const frame = (functionName: string) => ({ functionName, url: 'file:///a/b/c.js', lineNumber: 6 });
const PROFILE: CpuProfile = {
  nodes: [
    { id: 1, callFrame: { functionName: '(root)', url: '', lineNumber: -1 }, children: [2, 3] },
    { id: 2, callFrame: frame('outer'), children: [4] },
    { id: 3, callFrame: { functionName: '(idle)', url: '', lineNumber: -1 } },
    { id: 4, callFrame: frame('inner') },
  ],
  samples: [2, 4, 3, 4],
  timeDeltas: [1000, 2000, 50_000, 4000],
};

it('time at rest is no work; a caller has the time of what it called', () => {
  const root = flamesOf(PROFILE);
  expect(root).toMatchObject({ totalUs: 7000, children: [{ name: 'outer b/c.js:7', selfUs: 1000, totalUs: 7000 }] });
  expect(heaviest(root, 1)).toEqual([{ name: 'inner b/c.js:7', selfUs: 6000 }]);
});

it('a flame graph has a rectangle for each function, as wide as its time', () => {
  const svg = flameGraph(flamesOf(PROFILE));
  expect(svg.match(/<rect/g)).toHaveLength(3);
  expect(svg).toContain('inner b/c.js:7: 6.0 ms, 85.7 %, itself 6.0 ms');
  expect(svg).toContain(`width="${((6000 / 7000) * 1200).toFixed(1)}"`);
});
