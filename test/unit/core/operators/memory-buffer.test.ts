import { fieldsFromShape, type OperatorSpec, type Triggers } from '@spillway/core/internal';
import { describe, expect, test } from 'vitest';
import { startStage, type TestStage } from '../../../support/stage.ts';

const FIELDS = fieldsFromShape({ value: 'int64', text: 'utf8' });

function start(
  triggers: Triggers,
  more: { accumulate?: boolean; emissionsVisible?: boolean } = {},
): Promise<TestStage> {
  const spec: OperatorSpec = { kind: 'memoryBuffer', triggers, accumulate: more.accumulate ?? true };
  return startStage(FIELDS, [{ name: 'buffer', spec, emissionsVisible: more.emissionsVisible ?? true }]);
}

const shown = (stage: TestStage): unknown[] =>
  stage.emitted.map(({ rows, inputs }) => `${rows.map((row) => row['text']).join('')}/${inputs}`);

describe('memoryBuffer', () => {
  test('concatenates what it holds at each trigger, and the left-over at the end', async () => {
    const stage = await start({ iterMax: 2 });
    for (const text of ['a', 'b', 'c'])
      await stage.push([
        { value: 1, text },
        { value: null, text },
      ]);
    expect(shown(stage)).toEqual(['aabb/1']);
    expect(stage.chain.operators[0]?.held?.()).toMatchObject({ inputs: 1, rows: 2 });
    await stage.end();
    expect(shown(stage)).toEqual(['aabb/1', 'cc/1']);
    expect(stage.flushes).toEqual(['buffer iterations', 'buffer end']);
    expect(stage.close()).toBe(0);
  });

  test('without triggers holds everything until the end', async () => {
    const stage = await start({});
    for (const text of ['a', 'b', 'c']) await stage.push([{ text }]);
    expect(stage.emitted).toEqual([]);
    await stage.end();
    expect(shown(stage)).toEqual(['abc/1']);
    expect(stage.close()).toBe(0);
  });

  test('emits an empty input when all it took was empty, and nothing when it took nothing', async () => {
    const stage = await start({ iterMax: 1 });
    await stage.push([]);
    expect(shown(stage)).toEqual(['/1']);
    await stage.end();
    expect(shown(stage)).toEqual(['/1']);
    expect(stage.flushes).toEqual(['buffer iterations']);
    expect(stage.close()).toBe(0);
  });

  test('rows and logical bytes are looked at when an input is whole', async () => {
    const stage = await start({ rows: 3 });
    await stage.push([{ text: 'a' }, { text: 'b' }, { text: 'c' }], 0);
    expect(stage.emitted).toEqual([]);
    await stage.push([{ text: 'd' }], 1);
    expect(shown(stage)).toEqual(['abcd/1']);
    expect(stage.flushes).toEqual(['buffer rows']);
    expect(stage.close()).toBe(0);
  });

  test('with accumulate: false passes every batch on and still counts', async () => {
    const stage = await start({ iterMax: 2 }, { accumulate: false });
    for (const text of ['a', 'b', 'c']) await stage.push([{ text }]);
    await stage.end();
    expect(shown(stage)).toEqual(['a/1', 'b/1', 'c/1']);
    expect(stage.flushes).toEqual(['buffer iterations', 'buffer end']);
    expect(stage.close()).toBe(0);
  });

  test('the interval is due from the first input on', async () => {
    const stage = await start({ intervalMs: 100 });
    const [buffer] = stage.chain.operators;
    stage.clock.now = 7;
    await stage.push([{ text: 'a' }]);
    expect(buffer?.dueAt?.()).toBe(107);
    await buffer?.flush('interval');
    expect(shown(stage)).toEqual(['a/1']);
    expect(buffer?.dueAt?.()).toBeUndefined();
    await buffer?.flush('interval');
    expect(stage.flushes).toEqual(['buffer interval']);
    expect(stage.close()).toBe(0);
  });

  test('pressure sends rows on early where cuts cannot be seen, and does not move the inputs', async () => {
    const stage = await start({ iterMax: 2 }, { emissionsVisible: false });
    await stage.push([{ text: 'a' }]);
    await stage.chain.operators[0]?.flush('pressure');
    expect(shown(stage)).toEqual(['a/0']);
    await stage.push([{ text: 'b' }]);
    expect(shown(stage)).toEqual(['a/0', 'b/1']);
    expect(stage.flushes).toEqual(['buffer pressure', 'buffer iterations']);
    expect(stage.close()).toBe(0);
  });

  test('pressure moves nothing where cuts can be seen', async () => {
    const stage = await start({ iterMax: 2 });
    await stage.push([{ text: 'a' }]);
    await stage.chain.operators[0]?.flush('pressure');
    expect(stage.emitted).toEqual([]);
    expect(stage.flushes).toEqual([]);
    expect(stage.close()).toBe(0); // closing gives back what is held
  });
});
