import { isTimestamp, parseType, tryParseType } from '@spillway/core/internal';
import { expect, it } from 'vitest';

const CANONICAL = [
  ['int8', 'fixed', 1, 'int'],
  ['int64', 'fixed', 8, 'int'],
  ['uint16', 'fixed', 2, 'uint'],
  ['float32', 'fixed', 4, 'float'],
  ['float64', 'fixed', 8, 'float'],
  ['bool', 'bits', 0, 'bool'],
  ['utf8', 'variable', 0, 'utf8'],
  ['binary', 'variable', 0, 'opaque'],
  ['date32', 'fixed', 4, 'temporal'],
  ['date64', 'fixed', 8, 'temporal'],
  ['time32[s]', 'fixed', 4, 'temporal'],
  ['time64[ns]', 'fixed', 8, 'temporal'],
  ['timestamp[us]', 'fixed', 8, 'temporal'],
  ['timestamp[ns, America/New_York]', 'fixed', 8, 'temporal'],
  ['duration[ms]', 'fixed', 8, 'temporal'],
  ['decimal(10, 2)', 'fixed', 16, 'opaque'],
  ['decimal(38, -3)', 'fixed', 16, 'opaque'],
  ['dictionary<utf8>', 'dictionary', 4, 'utf8'],
  ['fixed[16]', 'fixed', 16, 'opaque'],
  ['list<int64>', 'list', 0, 'opaque'],
  ['list<list<timestamp[us, UTC]>>', 'list', 0, 'opaque'],
] as const;

for (const [text, physical, byteWidth, domain] of CANONICAL) {
  it(`reads ${text}`, () => {
    expect(parseType(text)).toMatchObject({ text, physical, byteWidth, domain });
  });
}

it.each([
  ['string', 'utf8'],
  ['String', 'utf8'],
  ['double', 'float64'],
  ['boolean', 'bool'],
  ['date', 'date32'],
  [' Int64 ', 'int64'],
  ['timestamp[us,America/New_York]', 'timestamp[us, America/New_York]'],
  ['Timestamp[ US ,  Europe/Paris ]', 'timestamp[us, Europe/Paris]'],
  ['timestamp[ms, +02:00]', 'timestamp[ms, +02:00]'],
  ['decimal(10,2)', 'decimal(10, 2)'],
  ['decimal128(10)', 'decimal(10, 0)'],
  ['list<string>', 'list<utf8>'],
  ['dictionary<string>', 'dictionary<utf8>'],
])('writes %s as %s', (written, text) => {
  expect(parseType(written).text).toBe(text);
  expect(parseType(parseType(written).text)).toBe(parseType(text));
});

it.each([
  ['flaot64', 'float64'],
  ['itn64', 'int64'],
  ['timestamp', 'timestamp[us]'],
  ['datetime', 'timestamp[us]'],
  ['dictonary<utf8>', 'dictionary<utf8>'],
  ['timestamp[µs]', 'timestamp[us]'],
])('refuses %s and suggests %s', (written, suggestion) => {
  expect(() => parseType(written)).toThrowError(
    expect.objectContaining({ code: 'ERR_SCHEMA', hint: `did you mean "${suggestion}"?` }),
  );
});

it.each([
  '',
  'time32[us]',
  'time64[s]',
  'decimal(39, 2)',
  'decimal(0, 0)',
  'fixed[0]',
  'list<>',
  'list<nothing>',
  'timestamp[us',
  'date32[s]',
  '__proto__',
  'constructor',
])('refuses %j', (written) => {
  expect(() => parseType(written)).toThrowError(expect.objectContaining({ code: 'ERR_SCHEMA' }));
  expect(tryParseType(written)).toBeUndefined();
});

it('gives the same frozen object for the same type', () => {
  expect(parseType('decimal(7,3)')).toBe(parseType('decimal(7, 3)'));
  expect(Object.isFrozen(parseType('decimal(7,3)'))).toBe(true);
});

it('tells timestamps from other types', () => {
  expect([isTimestamp('timestamp[us, UTC]'), isTimestamp('date32')]).toEqual([true, false]);
});
