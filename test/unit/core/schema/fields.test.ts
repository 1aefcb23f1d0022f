import { fieldIndex, fieldsFromShape, findField, nameHint, nearestName, sameColumns } from '@spillway/core/internal';
import { expect, it } from 'vitest';

it('takes columns in the order written, nullable unless said otherwise, types canonical', () => {
  expect(fieldsFromShape({ ts: 'timestamp[us,UTC]', price: 'double', id: { type: 'int64', nullable: false } })).toEqual(
    [
      { name: 'ts', type: 'timestamp[us, UTC]', nullable: true },
      { name: 'price', type: 'float64', nullable: true },
      { name: 'id', type: 'int64', nullable: false },
    ],
  );
});

it('names the column whose type it does not know', () => {
  expect(() => fieldsFromShape({ ts: 'timestamp[us]', price: 'flaot64' })).toThrowError(
    expect.objectContaining({ code: 'ERR_SCHEMA', column: 'price', value: 'flaot64', hint: 'did you mean "float64"?' }),
  );
});

it('refuses a time zone that does not exist', () => {
  expect(() => fieldsFromShape({ ts: 'timestamp[us, Europe/Atlantis]' })).toThrowError(
    expect.objectContaining({ code: 'ERR_SCHEMA', column: 'ts' }),
  );
});

it.each([{}, { a: 5 as never }, { a: null as never }, { a: {} as never }])('refuses the shape %j', (shape) => {
  expect(() => fieldsFromShape(shape)).toThrowError(expect.objectContaining({ code: 'ERR_SCHEMA' }));
});

it('finds a column, or says which name is near', () => {
  const fields = fieldsFromShape({ origin: 'utf8', destination: 'utf8', delay: 'int16' });
  expect([fieldIndex(fields, 'delay'), findField(fields, 'delay'), findField(fields, 'dealy')]).toEqual([2, 2, -1]);
  expect(() => fieldIndex(fields, 'dealy')).toThrowError(
    expect.objectContaining({ code: 'ERR_COLUMN_UNKNOWN', column: 'dealy', hint: 'did you mean "delay"?' }),
  );
});

it('finds columns called like properties of every object', () => {
  const fields = fieldsFromShape({ constructor: 'int32', toString: 'utf8' });
  expect([findField(fields, 'toString'), findField(fields, 'valueOf')]).toEqual([1, -1]);
});

it('lists what there is when nothing is near', () => {
  expect(nameHint('quantity', ['ts', 'price'])).toBe('there are "ts", "price"');
  expect(nearestName('zzz', ['ts', 'price'])).toBeUndefined();
  expect(nearestName('PRICE', ['ts', 'price'])).toBe('price');
  expect(nearestName('pirce', ['ts', 'price'])).toBe('price');
});

it('compares names, types and order of columns', () => {
  const fields = fieldsFromShape({ a: 'int32', b: 'utf8' });
  expect(sameColumns(fields, fieldsFromShape({ a: { type: 'int32', nullable: false }, b: 'string' }))).toBe(true);
  expect(sameColumns(fields, fieldsFromShape({ b: 'utf8', a: 'int32' }))).toBe(false);
  expect(sameColumns(fields, fieldsFromShape({ a: 'int32' }))).toBe(false);
});
