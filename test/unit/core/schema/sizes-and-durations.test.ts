import {
  formatBytes,
  formatDuration,
  parseBytes,
  parseClockTime,
  parseDuration,
  parseIsoTime,
} from '@spillway/core/internal';
import { expect, it } from 'vitest';

it.each([
  [0, 0],
  [268_435_456, 268_435_456],
  ['64MiB', 67_108_864],
  ['1GB', 1e9],
  ['100 MB', 1e8],
  ['1.5 KiB', 1536],
  ['2gib', 2 ** 31],
  ['1024', 1024],
  [' 7 b ', 7],
])('reads the size %j as %d bytes', (written, bytes) => {
  expect(parseBytes(written)).toBe(bytes);
});

it.each([
  -1,
  1.5,
  Number.NaN,
  Infinity,
  '',
  'MiB',
  '-5MB',
  '12 parsecs',
  '1e9',
  '99999999TiB',
  null as never,
  {} as never,
])('refuses the size %j', (written) => {
  expect(() => parseBytes(written, 'memoryLimit')).toThrowError(
    expect.objectContaining({ code: 'ERR_OPTIONS', message: expect.stringContaining('memoryLimit') }),
  );
});

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [40_055_603, '38.2 MiB'],
  [2 ** 30 - 1, '1.0 GiB'],
  [3 * 2 ** 40, '3.0 TiB'],
])('writes %d bytes as %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

it.each<[number | string, bigint]>([
  [0, 0n],
  [250, 250_000_000n],
  [0.5, 500_000n],
  ['5s', 5_000_000_000n],
  ['250ms', 250_000_000n],
  ['1h', 3_600_000_000_000n],
  ['1h30m', 5_400_000_000_000n],
  ['1.5h', 5_400_000_000_000n],
  ['7d', 604_800_000_000_000n],
  ['1w', 604_800_000_000_000n],
  ['10us', 10_000n],
  ['10µs', 10_000n],
  ['5ns', 5n],
  [' 1 min 30 s ', 90_000_000_000n],
])('reads the duration %j as %d ns', (written, nanoseconds) => {
  expect(parseDuration(written)).toBe(nanoseconds);
});

it.each([-1, Number.NaN, Infinity, '', '5', 's', '5 parsecs', '-5s', '0.5ns', null as never])(
  'refuses the duration %j',
  (written) => {
    expect(() => parseDuration(written, 'every')).toThrowError(
      expect.objectContaining({ code: 'ERR_OPTIONS', message: expect.stringContaining('every') }),
    );
  },
);

it.each(['1mo', '3 months', '1y'])('says of %j that calendar units have no fixed length', (written) => {
  expect(() => parseDuration(written)).toThrowError(
    expect.objectContaining({ hint: expect.stringContaining('no fixed length') }),
  );
});

it.each(['0s', '1w', '90m', '1500ms', '36h', '1ns', '10us'])('writes durations in the unit that fits: %s', (text) => {
  expect(formatDuration(parseDuration(text))).toBe(text);
});

it.each<[string, bigint]>([
  ['1970-01-01', 0n],
  ['2024-02-29T12:30:15.123456789Z', 1_709_209_815_123_456_789n],
  ['2024-02-29 12:30:15+02:00', 1_709_202_615_000_000_000n],
  ['1969-12-31T23:59:59.5', -500_000_000n],
  ['0001-01-01', -62_135_596_800_000_000_000n],
])('reads the time %s', (text, nanoseconds) => {
  expect(parseIsoTime(text)).toBe(nanoseconds);
});

it.each([
  '',
  '2024',
  '2024-13-01',
  '2023-02-29',
  '2024-01-01T24:00',
  '2024-01-01T10:61',
  '01/02/2024',
  '2024-01-01T10:00:00.1234567890',
])('refuses the time %j', (text) => {
  expect(parseIsoTime(text)).toBeUndefined();
});

it('reads times of day', () => {
  expect(['00:00', '23:59:59.999999999', '24:00', '1:00'].map(parseClockTime)).toEqual([
    0n,
    86_399_999_999_999n,
    undefined,
    undefined,
  ]);
});
