/** Pickles that Python wrote, by their bytes; and what is written for it. */
import { PythonObject, readPickledDict, writePickledDict } from '@spillway/core/internal';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { chooseSeed } from '../../../../support/random.ts';

/** One dict, by protocol: plain values, a set, bytes, a date, and a text that is recalled. */
const DICTS: Record<number, string> = {
  2: '80027d7100285801000000617101580100000062710258010000006e71034b05580300000062696771048a090000000000000000c05801000000787105473fe000000000000058010000007471068858010000007a71074e58010000006c71085d7109284b01580300000074776f710a5d710b4740080000000000006165580100000064710c7d710d58010000006b710e4b014b0286710f735801000000737110635f5f6275696c74696e5f5f0a7365740a71115d71124b016185711352711458040000007768656e7115636461746574696d650a6461746574696d650a7116635f636f646563730a656e636f64650a7117580b00000007c3a80101000000000000711858060000006c6174696e31711986711a52711b85711c52711d68026817580100000001711e681986711f5271205805000000616761696e71216802580a0000006f7264657265645f6f6e7122580200000074737123752e',
  4: '800495c4000000000000007d94288c0161948c0162948c016e944b058c03626967948a090000000000000000c08c017894473fe00000000000008c017494888c017a944e8c016c945d94284b018c0374776f945d9447400800000000000061658c0164947d948c016b944b014b028694738c0173948f94284b01908c047768656e948c086461746574696d65948c086461746574696d65949394430a07e8010100000000000094859452946802430101948c05616761696e9468028c0a6f7264657265645f6f6e948c02747394752e',
};

function read(hex: string): Record<string, unknown> {
  return Object.fromEntries(readPickledDict(Buffer.from(hex, 'hex')));
}

describe('reading', () => {
  test.each([2, 4])('protocol %d: plain values come as they are, objects as names', (protocol) => {
    const { when, b, s, ...rest } = read(DICTS[protocol] ?? '');
    expect(when).toEqual(new PythonObject('datetime.datetime'));
    // Protocol 2 has neither bytes nor sets: it calls what makes them.
    expect(b).toEqual(new PythonObject(protocol === 2 ? '_codecs.encode' : 'builtins.bytes'));
    expect(s).toEqual(protocol === 2 ? new PythonObject('__builtin__.set') : [1n]);
    expect(rest).toMatchObject({
      a: 'b',
      n: 5n,
      big: -(2n ** 70n),
      x: 0.5,
      t: true,
      z: null,
      l: [1n, 'two', [3]],
      d: { k: [1n, 2n] },
      again: 'b',
      ordered_on: 'ts',
    });
  });

  test('a class of the user is named and not made', () => {
    const hex = '8004951f000000000000007d948c016f948c0b6f732e706174682e666f6f948c03737973949394298194732e';
    expect(read(hex)['o']).toEqual(new PythonObject('os.path.foo.sys'));
  });

  test.each([
    ['nothing', ''],
    ['no dict', '80024b012e'],
    ['an end inside a text', '80027d580500000061'],
    ['an instruction of the first protocol', '286470302e'],
    ['a value that it never had', '800268052e'],
    ['items for no dict', '80024b014b024b03732e'],
    ['a length beyond all memory', '80028dffffffffffffff7f'],
  ])('%s is refused', (_, hex) => {
    expect(() => read(hex)).toThrow(expect.objectContaining({ name: 'PickleError' }));
  });

  test('a small pickle cannot become a large value', () => {
    // Each of 30 lists holds the one before twice.
    const twice = '5d9468xx6168xx6194'.replaceAll('94', '');
    let hex = '80047d8c01615d9400'.slice(0, -2);
    for (let level = 0; level < 30; level += 1) {
      const before = level.toString(16).padStart(2, '0');
      hex += `${twice.replaceAll('xx', before)}94`;
    }
    // The last list is the dict's; those before are dropped.
    expect(() => read(`${hex}7d8c016168${(30).toString(16)}732e`)).not.toThrow();
    expect(read(`${hex}7d8c016168${(30).toString(16)}732e`)['a']).toBeInstanceOf(PythonObject);
  });

  test('any bytes are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat({ max: 250 }), (noise, at) => {
        const bytes = Buffer.from(DICTS[4] ?? '', 'hex');
        bytes.set(noise.subarray(0, Math.max(0, bytes.length - at)), Math.min(at, bytes.length));
        try {
          readPickledDict(bytes);
        } catch (error) {
          expect((error as Error).name).toBe('PickleError');
        }
      }),
      { seed: chooseSeed(), numRuns: 300 },
    );
  });
});

describe('writing', () => {
  test('what Python reads as the same dict, and no reader takes for text', () => {
    const bytes = writePickledDict({ ordered_on: 'ts', n: -129n, x: 1.5, l: [true, null], d: { ä: 'ö' } });
    expect(Buffer.from(bytes).toString('hex')).toBe(
      '80027d28580a0000006f7264657265645f6f6e58020000007473' +
        '58010000006e8b020000007fff' +
        '580100000078473ff8000000000000' +
        '58010000006c5d28884e65' +
        '5801000000647d285802000000c3a45802000000c3b675' +
        '752e',
    );
    expect(() => new TextDecoder('utf-8', { fatal: true }).decode(bytes)).toThrow();
  });

  test('comes back', () => {
    const value = fc.letrec<{ any: unknown }>((tie) => ({
      any: fc.oneof(
        fc.string(),
        fc.bigInt(),
        fc.double({ noNaN: true }),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(fc.string(), tie('any'), { maxKeys: 3 }),
      ),
    })).any;
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value), (dict) => {
        const plain = { ...dict } as Parameters<typeof writePickledDict>[0];
        expect(Object.fromEntries(readPickledDict(writePickledDict(plain)))).toEqual(plain);
      }),
      { seed: chooseSeed(), numRuns: 200 },
    );
  });
});
