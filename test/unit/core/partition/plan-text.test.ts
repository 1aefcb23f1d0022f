import { readPlanText, writePlanText } from '@spillway/core/internal';
import { expect, it } from 'vitest';

it.each([
  ['numbers that JSON does not have', [Number.NaN, Infinity, -Infinity, -0, 5e-324]],
  ['integers of any size', { least: -(2n ** 63n), most: 2n ** 64n }],
  ['bytes', { bytes: Uint8Array.from([0, 255]), words: BigInt64Array.from([-1n]), buffer: Buffer.from('ä') }],
  [
    'options of users',
    { at: new Date(5), keys: new Map([['a', new Set([1])]]), like: /a+/giu, none: null, list: [undefined] },
  ],
  ['keys like our own', { $is: 'bigint', $$is: 1, value: '1' }],
])('gives back %s', (_, value) => {
  const back = readPlanText(writePlanText(value, 'op'));
  expect(back).toStrictEqual(value);
});

it.each([
  ['a function', { log: () => undefined }, 'op: op.log is a function'],
  ['an object of a class', { at: [new URL('file:///a')] }, 'op: a part of op.at is an object of class URL'],
])('refuses %s, naming the step and where it is', (_, value, message) => {
  expect(() => writePlanText(value, 'op')).toThrow(
    expect.objectContaining({ code: 'ERR_PLAN', message: expect.stringContaining(message) }),
  );
});
