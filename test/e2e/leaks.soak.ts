import { expect, it } from 'vitest';
import { leakReport } from '#support/leak-report';

it('200 runs in one process leave nothing behind, and RSS within a tenth of what it was after the 20th', async () => {
  const { early, late } = await leakReport(200);
  console.log(JSON.stringify({ early, late }));
  expect(late).toMatchObject({
    threads: early.threads,
    openFiles: early.openFiles,
    handles: early.handles,
    usedSlabs: 0,
  });
  expect(Math.abs(late.rssBytes / early.rssBytes - 1)).toBeLessThan(0.1);
});
