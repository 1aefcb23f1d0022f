import { expect, it } from 'vitest';
import { leakReport } from '#support/leak-report';

it('45 runs in one process, failed and aborted ones among them, leave nothing behind', async () => {
  const { early, late } = await leakReport(45);
  expect(late).toMatchObject({
    threads: early.threads,
    openFiles: early.openFiles,
    handles: early.handles,
    usedSlabs: 0,
  });
  expect(late.rssBytes).toBeLessThan(early.rssBytes * 1.1);
}, 120_000);
