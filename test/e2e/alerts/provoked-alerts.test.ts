/** Each rule has its cause provoked in a real run, and is raised by nothing else; a healthy run beside the same looks raises none. */
import { createPipeline, type Sink } from '@spillway/core';
import { type AlertEvent, type AlertRuleName, type AlertRuleOptions, type RunOptions, run } from '@spillway/workers';
import { ALERT_RULES, injectPressure } from '@spillway/workers/internal';
import { afterEach, expect, it } from 'vitest';
import { dies } from '#fixtures/crashes';
import { hangs, waits } from '#fixtures/faults';
import { temporaryFolder } from '#support/temporary-folder';

const SCHEMA = { value: 'int64' } as const;
const MEBIBYTE = 2 ** 20;
/** Buffers of 16 MiB. */
const MOST_HELD = 40;
const newInput = () => createPipeline({ memoryLimit: '96MiB' }).register({ dies, hangs, waits }).pushSource(SCHEMA);
type Input = ReturnType<typeof newInput>;

interface Provoked {
  /** What is left of the rule's own settings: it looks at the same, sooner. */
  rule: AlertRuleOptions;
  sink(input: Input): Sink;
  options?: RunOptions;
  /** Until it is told that the alert is up. */
  provoke(input: Input, isUp: () => boolean): Promise<void>;
  stage: string;
}

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const toNowhere = ({ stream }: Input): Sink => stream.forEach(() => {}, { name: 'out' });

async function feed(input: Input, isUp: () => boolean, rows = 1): Promise<void> {
  for (let from = 0; !isUp(); from += rows) {
    await input.emit(Array.from({ length: rows }, (_, row) => ({ value: from + row })));
    await later(1);
  }
}

/** Holds ever more outside the engine until the alert is up. */
async function hold(input: Input, isUp: () => boolean): Promise<void> {
  await input.emit([{ value: 1 }]);
  const held: Buffer[] = [];
  while (!isUp()) {
    // What the runs before have left may be given back meanwhile: how much it takes cannot be said before.
    if (held.length < MOST_HELD) held.push(Buffer.alloc(16 * MEBIBYTE, 1));
    await later(20);
  }
  expect(held.every((buffer) => buffer.at(-1) === 1)).toBe(true);
}

const CAUSES: Record<AlertRuleName, Provoked> = {
  'critical-pressure': {
    rule: { for: '30ms' },
    sink: toNowhere,
    provoke: async (input, isUp) => {
      injectPressure(() => 0.95);
      await feed(input, isUp);
      injectPressure(() => 0.1);
    },
    stage: 'process',
  },
  'slow-sink': {
    rule: { for: '60ms', threshold: 0.5 },
    sink: ({ stream }) => stream.forEach(() => later(5), { name: 'slow' }),
    provoke: feed,
    stage: 'slow',
  },
  'spill-rate': {
    rule: { for: 0, threshold: 1 },
    sink: ({ stream }) => stream.sort({ by: 'value', memoryLimit: '256KiB' }).forEach(() => {}, { name: 'out' }),
    provoke: (input, isUp) => feed(input, isUp, 2000),
    stage: 'process',
  },
  'spill-disk': {
    rule: { for: 0, threshold: `${1024 ** 2}GiB` },
    sink: ({ stream }) => stream.sort({ by: 'value' }).forEach(() => {}, { name: 'out' }),
    provoke: feed,
    stage: 'process',
  },
  'unmanaged-growth': {
    rule: { for: 0 },
    sink: toNowhere,
    provoke: hold,
    stage: 'process',
  },
  'promise-broken': {
    rule: { for: 0 },
    sink: toNowhere,
    provoke: hold,
    stage: 'process',
  },
  'late-rows': {
    rule: {},
    sink: ({ stream }) =>
      stream
        .reorder({ name: 'ordered', on: 'value', allowedLateness: 5, lateRows: 'drop-and-count' })
        .forEach(() => {}, { name: 'out' }),
    provoke: async (input, isUp) => {
      await input.emit([{ value: 1000 }]);
      await feed(input, isUp);
    },
    stage: 'ordered',
  },
  'worker-restarts': {
    rule: {},
    sink: ({ stream }) =>
      stream
        .dies({ name: 'mortal', at: 3, times: 1, how: 'exit', marker: `${temporaryFolder()}/died` })
        .forEach(() => {}, { name: 'out' }),
    provoke: feed,
    stage: 'mortal',
  },
};

afterEach(() => injectPressure());

/** Runs with one rule, or all, and gives what was told until the run had ended. */
async function told(
  { sink, provoke, options }: Pick<Provoked, 'sink' | 'provoke' | 'options'>,
  rules: Partial<Record<AlertRuleName, AlertRuleOptions | false>>,
): Promise<AlertEvent[]> {
  const input = newInput();
  const events: AlertEvent[] = [];
  const job = run(sink(input), { workers: 1, ...options, alerts: { every: '10ms', rules } });
  job.on('alert', (event) => {
    if (event.state !== 'noted') events.push(event);
  });
  let hasEnded = false;
  job.done.then(
    () => (hasEnded = true),
    () => (hasEnded = true),
  );
  await provoke(input, () => hasEnded || events.length > 0);
  input.end();
  await job.done;
  return events;
}

it.each(Object.entries(CAUSES))('%s is raised by its cause', async (kind, cause) => {
  const others = Object.fromEntries(ALERT_RULES.flatMap((rule) => (rule.kind === kind ? [] : [[rule.kind, false]])));
  const [first] = await told(cause, { ...others, [kind]: cause.rule });
  expect(first).toMatchObject({ kind, state: 'raised', stage: cause.stage });
});

it('stalled is raised by a stage that does not come back', async () => {
  const input = newInput();
  const job = run(
    input.stream.hangs({ name: 'stuck' }).forEach(() => {}),
    { workers: 1, stallTimeout: '40ms' },
  );
  const raised = new Promise<AlertEvent>((resolve) => job.on('alert', resolve));
  await input.emit([{ value: 1 }]);
  expect(await raised).toMatchObject({ kind: 'stalled', state: 'raised', stage: 'stuck' });
  job.abort();
  await expect(job.done).rejects.toMatchObject({ code: 'ERR_ABORTED' });
});

it('a healthy run raises none of them, looked at a hundred times a second', async () => {
  const start = performance.now();
  const healthy = {
    sink: ({ stream }: Input) =>
      stream
        .memoryBuffer({ rows: 1000 })
        .sort({ by: 'value' })
        .forEach(() => {}, { name: 'out' }),
    provoke: (input: Input) => feed(input, () => performance.now() - start > 500, 100),
  };
  // What a heap grows by in half a second, and what a busy machine does meanwhile, is nothing to be alarmed at; the disk is that of whoever runs this.
  const own = {
    'unmanaged-growth': {},
    'slow-sink': {},
    'critical-pressure': {},
    'spill-disk': { threshold: MEBIBYTE },
  };
  const soon = Object.fromEntries(ALERT_RULES.map(({ kind }) => [kind, { for: '100ms' }]));
  expect(await told(healthy, { ...soon, ...own })).toEqual([]);
});
