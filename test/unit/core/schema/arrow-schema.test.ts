import { fieldsFromArrow, fieldsFromShape, fieldsToArrow, loadArrow, typeFromArrow } from '@spillway/core/internal';
import * as arrow from 'apache-arrow';
import { expect, it } from 'vitest';

const EVERY_TYPE = fieldsFromShape({
  b: 'bool',
  i8: 'int8',
  i16: 'int16',
  i32: 'int32',
  i64: 'int64',
  u8: 'uint8',
  u16: 'uint16',
  u32: 'uint32',
  u64: 'uint64',
  f32: 'float32',
  f64: 'float64',
  s: 'utf8',
  bin: 'binary',
  d32: 'date32',
  d64: 'date64',
  t32s: 'time32[s]',
  t32: 'time32[ms]',
  t64: 'time64[us]',
  t64n: 'time64[ns]',
  ts: 'timestamp[s]',
  tz: 'timestamp[ns, Europe/Paris]',
  du: 'duration[us]',
  de: 'decimal(12, 3)',
  di: 'dictionary<utf8>',
  fx: 'fixed[7]',
  l: 'list<float64>',
  ll: 'list<list<utf8>>',
  nn: { type: 'int32', nullable: false },
});

it('carries every type there and back', async () => {
  expect(fieldsFromArrow(fieldsToArrow(await loadArrow(), EVERY_TYPE))).toEqual(EVERY_TYPE);
});

it('carries every type through the IPC format', async () => {
  const schema = fieldsToArrow(await loadArrow(), EVERY_TYPE);
  const table = new arrow.Table(schema, [] as never);
  expect(fieldsFromArrow(arrow.tableFromIPC(arrow.tableToIPC(table)).schema)).toEqual(EVERY_TYPE);
});

it('carries metadata of fields', async () => {
  const fields = [{ name: 'x', type: 'int64', nullable: true, metadata: { unit: 'ns' } }] as const;
  expect(fieldsFromArrow(fieldsToArrow(await loadArrow(), fields))).toEqual(fields);
});

it('gives dictionaries of different columns different ids, and of the same name the same', async () => {
  const module = await loadArrow();
  const idsOf = (names: string[]): number[] =>
    fieldsToArrow(
      module,
      fieldsFromShape(Object.fromEntries(names.map((name) => [name, 'dictionary<utf8>']))),
    ).fields.map((field) => (field.type as arrow.Dictionary).id);
  const [a, b] = idsOf(['a', 'b']);
  expect(a).not.toBe(b);
  expect(idsOf(['b', 'c'])[0]).toBe(b);
});

it('reads wider forms of text and bytes as the plain ones', () => {
  expect(
    [new arrow.LargeUtf8(), new arrow.Utf8View(), new arrow.LargeBinary(), new arrow.BinaryView()].map((type) =>
      typeFromArrow(type, 'x'),
    ),
  ).toEqual(['utf8', 'utf8', 'binary', 'binary']);
  expect(typeFromArrow(new arrow.Dictionary(new arrow.Utf8(), new arrow.Uint8()), 'x')).toBe('dictionary<utf8>');
});

it.each([
  new arrow.Null(),
  new arrow.Float16(),
  new arrow.Struct([new arrow.Field('a', new arrow.Int32())]),
  new arrow.List(new arrow.Field('item', new arrow.Struct([]))),
  new arrow.Dictionary(new arrow.Int32(), new arrow.Int32()),
  new arrow.IntervalYearMonth(),
  new arrow.Decimal(2, 50, 256),
])('refuses %s, naming the column', (type) => {
  expect(() => typeFromArrow(type, 'odd')).toThrowError(
    expect.objectContaining({ code: 'ERR_TYPE_UNSUPPORTED', column: 'odd' }),
  );
});

it('builds one schema for one set of fields', async () => {
  const module = await loadArrow();
  expect(fieldsToArrow(module, EVERY_TYPE)).toBe(fieldsToArrow(module, EVERY_TYPE));
});
