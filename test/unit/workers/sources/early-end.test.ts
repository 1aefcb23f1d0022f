/** Sources of files leave out what is behind the rows that are needed: no lane reads it, and every sequence comes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPipeline, type Fields, fromIterable, readArrow, readCsv, readNdjson, type Stream } from '@spillway/core';
import {
  type Arena,
  buildLogicalPlan,
  createArena,
  fileProbes,
  resolvePlan,
  type SourceSpec,
} from '@spillway/core/internal';
import { run } from '@spillway/workers';
import {
  ArrowInput,
  CHAIN_BYTES,
  GATE_BYTES,
  type LaneInput,
  SourceGate,
  startsOf,
  TextInput,
} from '@spillway/workers/internal';
import { expect, it } from 'vitest';
import { temporaryFolder } from '#support/temporary-folder';

const SHAPE = { n: 'int64', text: 'utf8' } as const;

async function writeFile(format: string): Promise<string> {
  const path = join(temporaryFolder(), `numbers.${format}`);
  if (format === 'arrow') {
    const length = 70_000;
    const inputs = [0, 1, 2].map((part) => ({
      n: BigInt64Array.from({ length }, (_, row) => BigInt(part * length + row)),
      text: Array.from({ length }, () => 'x'),
    }));
    await run([createPipeline().source(fromIterable(SHAPE, inputs)).toArrow(path)]).done;
  } else {
    const text = 'x'.repeat(100);
    const lines = Array.from({ length: 30_000 }, (_, n) =>
      format === 'csv' ? `${n},${text}` : JSON.stringify({ n, text }),
    );
    writeFileSync(path, `${format === 'csv' ? 'n,text\n' : ''}${lines.join('\n')}\n`);
  }
  return path;
}

function readFrom(path: string): Stream<typeof SHAPE> {
  const p = createPipeline();
  const options = { orderedOn: 'n', schema: SHAPE } as const;
  if (path.endsWith('csv')) return p.source(readCsv(path, options)) as unknown as Stream<typeof SHAPE>;
  return (path.endsWith('arrow')
    ? p.source(readArrow(path, options))
    : p.source(readNdjson(path, options))) as unknown as Stream<typeof SHAPE>;
}

/** A source as lanes see it, in an arena of its own. */
class Place {
  readonly arena: Arena = createArena();
  readonly #gateAt: number = this.arena.alloc(GATE_BYTES, 1);
  readonly chain: number = this.arena.alloc(CHAIN_BYTES, 1);
  readonly gate: SourceGate = new SourceGate(this.arena, this.#gateAt);
  readonly #source: SourceSpec;
  readonly #fields: Fields;

  constructor(source: SourceSpec, fields: Fields, first = 0) {
    this.#source = source;
    this.#fields = fields;
    this.gate.begin(first);
    this.arena.u8.fill(0, this.chain, this.chain + CHAIN_BYTES);
  }

  lane(lane: number): LaneInput {
    const { arena, gate, chain } = this;
    const source = this.#source;
    const onSplit = (): void => {};
    const common = { arena, fields: this.#fields, owner: 1, gate, onSplit };
    if (source.type === 'arrow') return new ArrowInput({ ...common, source });
    if (source.type !== 'text') throw new Error(source.type);
    const { signal } = new AbortController();
    return new TextInput({ ...common, source, lane, chain, signal, onBadRows: () => {} });
  }
}

async function rowsOf(input: LaneInput): Promise<[sequence: number, rows: number] | undefined> {
  const morsel = await input.next();
  if (morsel === undefined) return undefined;
  const rows = morsel.batches.reduce((sum, batch) => sum + batch.rows, 0);
  for (const batch of morsel.batches) batch.release();
  return [morsel.sequence, rows];
}

async function sourceOf(format: string): Promise<{ source: SourceSpec; fields: Fields }> {
  const sink = readFrom(await writeFile(format)).collect();
  const { nodes } = await resolvePlan(buildLogicalPlan([sink]), fileProbes);
  const node = nodes.find(({ spec }) => spec.kind === 'source');
  if (node?.spec.kind !== 'source') throw new Error('no source');
  return { source: node.spec.source, fields: node.outputFields['out'] as Fields };
}

it.each(['csv', 'ndjson', 'arrow'])('%s: sequences come without rows', async (format) => {
  const { source, fields } = await sourceOf(format);
  const place = new Place(source, fields);
  const lanes = [place.lane(0), place.lane(1)] as const;
  const [, read] = (await rowsOf(lanes[0])) as [number, number];
  expect(read).toBeGreaterThan(0);
  place.gate.setEnough();
  const left: [number, number][] = [];
  for (let turn = 1; ; turn++) {
    const next = await rowsOf(lanes[turn % 2] as LaneInput);
    if (next === undefined) break;
    left.push(next);
  }
  const total = lanes[0].total() as number;
  expect(total).toBeGreaterThan(2);
  expect(left).toEqual(Array.from({ length: total - 1 }, (_, sequence) => [sequence + 1, 0]));
  for (const lane of lanes) await lane.close();
});

it('text: a restart behind what was left out leaves out the rest, though no step has asked yet', async () => {
  const { source, fields } = await sourceOf('csv');
  const before = new Place(source, fields);
  const first = before.lane(0);
  await rowsOf(first);
  before.gate.setEnough();
  expect(await rowsOf(first)).toEqual([1, 0]);
  const after = new Place(source, fields, 2);
  const starts = startsOf(before.arena.bytesAt(before.chain, CHAIN_BYTES));
  startsOf(after.arena.bytesAt(after.chain, CHAIN_BYTES)).set(starts);
  const second = after.lane(0);
  expect(await rowsOf(second)).toEqual([2, 0]);
  for (const lane of [first, second]) await lane.close();
});
