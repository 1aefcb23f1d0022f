import { keyToPath, pathToKey } from '@spillway/core/internal';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { chooseSeed } from '../../../../support/random.ts';

test('a key has one path, whatever the order of its fields', () => {
  expect(keyToPath({ symbol: 'AAPL', freq: '1h' })).toBe('freq=1h/symbol=AAPL');
  expect(keyToPath({ freq: '1h', symbol: 'AAPL' })).toBe('freq=1h/symbol=AAPL');
});

test.each([
  ['../../etc/passwd', 'k=..~2F..~2Fetc~2Fpasswd'],
  ['..', 'k=..'],
  ['', 'k='],
  ['BTC/USD', 'k=BTC~2FUSD'],
  ['a=b', 'k=a~3Db'],
  ['~100%', 'k=~7E100~25'],
  ['日本', 'k=~E6~97~A5~E6~9C~AC'],
  ["it's (*)!", 'k=it~27s~20~28~2A~29~21'],
])('the value %j is the folder %s', (value, path) => {
  expect(keyToPath({ k: value })).toBe(path);
  expect(pathToKey(path)).toEqual({ k: value });
});

test('any well-formed text goes there and back', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      const path = keyToPath({ x: a, y: b });
      expect(path.split('/')).toHaveLength(2);
      expect(pathToKey(path)).toEqual({ x: a, y: b });
    }),
    { seed: chooseSeed() },
  );
});

test.each([
  ['no fields', {}],
  ['a name with a blank', { 'a b': 'x' }],
  ['a name that hides', { _a: 'x' }],
  ['a number', { a: 1 as unknown as string }],
  ['half a surrogate pair', { a: '\ud800' }],
  ['a value too long for a folder', { a: 'x'.repeat(300) }],
])('%s is refused', (_, key) => {
  expect(() => keyToPath(key as Record<string, string>)).toThrow(
    expect.objectContaining({ code: 'ERR_KEY', hint: expect.any(String) }),
  );
});

test.each(['plain', 'a=b/plain', 'b=1/a=2', 'a=~zz', 'a=~2f', 'a=%2F', '_delta_log'])(
  'the folder %s is no key',
  (path) => {
    expect(pathToKey(path)).toBeUndefined();
  },
);
