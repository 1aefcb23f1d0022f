import { describe, expect, it } from 'vitest';
import { type SeededRandom, seededRandom } from '../../../../support/random.ts';
import { sharedFolder } from '../../../../support/temporary-folder.ts';
import { readPlainly, readText, type TextRequest } from './read-csv-text.ts';

const folder = sharedFolder();
const ROWS = 3000;

function digits(random: SeededRandom, most: number): string {
  return Array.from({ length: random.integer(1, most) }, () => random.integer(0, 9)).join('');
}

function wholeText(random: SeededRandom): string {
  const sign = random.pick(['', '', '', '-', '+']);
  const edges = [
    '127',
    '128',
    '255',
    '256',
    '32767',
    '32768',
    '65535',
    '65536',
    '2147483647',
    '2147483648',
    '4294967295',
  ];
  const wide = [
    '9223372036854775807',
    '9223372036854775808',
    '18446744073709551615',
    '18446744073709551616',
    '000000000000000000000000001',
  ];
  return (
    sign +
    random.pick([digits(random, 4), digits(random, 10), digits(random, 21), random.pick(edges), random.pick(wide), '0'])
  );
}

function realText(random: SeededRandom): string {
  const sign = random.pick(['', '', '-', '+']);
  const float = random.anyFloat();
  const hard = [
    '9007199254740993',
    '1e23',
    '8.5e-324',
    '2.2250738585072014e-308',
    '1.7976931348623159e308',
    '123456789012345678901234567890',
  ];
  const forms = [
    `${digits(random, 5)}.${digits(random, 4)}`,
    `${digits(random, 20)}.${digits(random, 20)}`,
    `${digits(random, 19)}e${random.integer(-330, 330)}`,
    `.${digits(random, 9)}`,
    `${digits(random, 3)}.`,
    random.pick(hard),
    random.pick(['NaN', 'inf', 'Infinity', '1e400', '1e-400', '1.5E+3', '2e', 'e5', '.', '1.2.3', '12a']),
  ];
  return random.chance(0.4) ? String(float) : sign + random.pick(forms);
}

function two(random: SeededRandom, most: number): string {
  return String(random.integer(0, most)).padStart(2, '0');
}

function dateText(random: SeededRandom): string {
  const year = random.pick([
    '0000',
    '0001',
    '1677',
    '1899',
    '1900',
    '1969',
    '1970',
    '2000',
    '2024',
    '2100',
    '2262',
    '9999',
  ]);
  return `${year}-${two(random, 13)}-${two(random, 32)}`;
}

function clockText(random: SeededRandom): string {
  const fraction = random.pick(['', '', '.5', '.123', '.123456', '.123456789', '.1234567', ',25', '.', '.1234567891']);
  const seconds = random.pick(['', `:${two(random, 60)}`, `:${two(random, 59)}${fraction}`]);
  return `${two(random, 24)}:${two(random, 60)}${seconds}`;
}

function momentText(random: SeededRandom): string {
  const zone = random.pick(['', '', 'Z', '+05:30', '-0800', '+01', ' +02:00', '+24:00', 'X']);
  return random.chance(0.2)
    ? dateText(random)
    : `${dateText(random)}${random.pick(['T', ' '])}${clockText(random)}${zone}`;
}

/** A value as values mostly are, with some letters that are not: what is read many letters at once must not take them for others. */
function spoilt(random: SeededRandom, text: string): string {
  const letters = [...text];
  const others = ['\0', '/', ':', '0', '9', '-', 'T', '.', ' ', 'ä', '\x7f'];
  for (let left = random.integer(0, 2); left > 0; left--)
    letters[random.integer(0, letters.length - 1)] = random.pick(others);
  // As long as a date and its separator, or as a block of letters.
  const before = random.chance(0.1) ? random.pick(others).repeat(random.pick([1, 4, 8, 11, 16])) : '';
  return before + letters.join('');
}

/** A field in one of the ways fields are written. */
function written(random: SeededRandom, text: string): string {
  if (random.chance(0.05)) return '';
  if (random.chance(0.05)) return 'NA';
  if (random.chance(0.05)) return '""';
  if (random.chance(0.05)) return ` ${text} `;
  return random.chance(0.1) ? `"${text}"` : text;
}

function expectSame(make: (random: SeededRandom) => string, types: string[], format: TextRequest['format'] = {}): void {
  const random = seededRandom();
  for (const type of types) {
    const lines = Array.from({ length: ROWS }, (_, row) => `${row};${written(random, make(random))}\n`);
    const request = { shape: { row: 'int32', value: type }, format: { delimiter: ';', nulls: ['NA'], ...format } };
    const text = Buffer.from(lines.join(''));
    const found = readText(text, { ...request, folder });
    const plain = readPlainly(text, request);
    const inShort = found.bad.map((bad) => bad.replace(/(value \w+) .*/s, '$1'));
    const textOf = (bad: string): string => lines[Number(/row (\d+)/.exec(bad)?.[1])] ?? '';
    expect([type, inShort.filter((bad) => !plain.bad.includes(bad)).map(textOf)]).toEqual([type, []]);
    expect([type, plain.bad.filter((bad) => !inShort.includes(bad)).map(textOf)]).toEqual([type, []]);
    for (const [index, row] of found.rows.entries()) {
      if (!Object.is(row[1], plain.rows[index]?.[1]))
        expect([lines[row[0] as number], row[1]]).toEqual([lines[row[0] as number], plain.rows[index]?.[1]]);
    }
    expect(found.leaked).toBe(0);
  }
}

describe('values of CSV fields', () => {
  it('reads whole numbers exactly, to the ends of each type', () => {
    expectSame(wholeText, ['int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'duration[ms]']);
  });

  it('reads doubles correctly rounded', () => {
    expectSame(realText, ['float64', 'float32']);
  });

  it('reads decimals exactly', () => {
    const decimalText = (random: SeededRandom): string => (random.chance(0.5) ? wholeText(random) : realText(random));
    expectSame(decimalText, ['decimal(10, 2)', 'decimal(38, 10)', 'decimal(38, 0)', 'decimal(4, 4)']);
  });

  it('reads dates and times of ISO 8601', () => {
    expectSame(momentText, [
      'timestamp[s]',
      'timestamp[ms]',
      'timestamp[us]',
      'timestamp[ns]',
      'timestamp[us, UTC]',
      'timestamp[ms, +02:00]',
    ]);
    expectSame(dateText, ['date32', 'date64', 'timestamp[us]']);
    expectSame(clockText, ['time32[s]', 'time32[ms]', 'time64[us]', 'time64[ns]']);
  });

  it('reads times in other formats', () => {
    const months = ['Jan', 'FEB', 'mar', 'May', 'Dec', 'Foo'];
    expectSame(
      (random) =>
        `${two(random, 32)}/${two(random, 13)}/${random.pick(['2024', '1999', '99'])} ${two(random, 24)}:${two(random, 60)}`,
      ['timestamp[us]'],
      {
        timeFormats: { value: '%d/%m/%Y %H:%M' },
      },
    );
    expectSame(
      (random) =>
        `${random.integer(0, 13)}:${two(random, 59)}:${two(random, 60)}.${digits(random, 9)} ${random.pick(['am', 'PM', 'xm'])} ${random.pick(months)} ${random.integer(1, 31)} ${two(random, 99)}`,
      ['timestamp[us]', 'timestamp[ns]'],
      {
        timeFormats: { value: '%I:%M:%S.%f %p %b %d %y' },
      },
    );
    expectSame(
      (random) =>
        `${random.pick(['2023', '2024'])}-${random.integer(0, 367)}${random.pick(['Z', '+0100', '-02:30', ''])}`,
      ['timestamp[s]', 'date32'],
      {
        timeFormats: { value: '%Y-%j%z' },
      },
    );
    expectSame(
      (random) => `${random.pick(['January', 'may', 'September', 'Sept', 'JUNE'])} ${random.integer(1, 31)}, 2024`,
      ['date32'],
      {
        timeFormats: { value: '%B %d, %Y' },
      },
    );
  });

  it('takes nothing for a value that only looks like one', () => {
    const moment = (random: SeededRandom): string =>
      `2024-${two(random, 12)}-${two(random, 28)}${random.pick(['T', ' '])}${clockText(random)}`;
    expectSame((random) => spoilt(random, moment(random)), ['timestamp[us]', 'timestamp[ns]', 'timestamp[us, UTC]']);
    expectSame(
      (random) => spoilt(random, random.chance(0.5) ? '01:02:03' : '2024-02-03'),
      ['timestamp[us]', 'date32', 'date64', 'time64[us]'],
    );
    expectSame((random) => spoilt(random, digits(random, 19)), ['int16', 'int32', 'int64', 'uint64']);
    expectSame((random) => spoilt(random, `${digits(random, 9)}.${digits(random, 8)}`), ['float64', 'float32']);
  });

  it('has no day before the first value', () => {
    const bad = readText(Buffer.from(`${'\0'.repeat(11)}01:02:03\n`), {
      shape: { value: 'timestamp[us]' },
      folder,
    }).bad;
    expect(bad).toHaveLength(1);
  });

  it('reads numbers since 1970 in their unit', () => {
    const epochText = (random: SeededRandom): string =>
      random.pick([wholeText(random), `${digits(random, 12)}.${digits(random, 9)}`]);
    for (const unit of ['s', 'ms', 'us', 'ns'])
      expectSame(epochText, ['timestamp[s]', 'timestamp[us]', 'timestamp[ns]'], {
        timeFormats: { value: `epoch[${unit}]` },
      });
  });

  it('reads local times of a zone, and refuses those that it skips or has twice', () => {
    const local = (random: SeededRandom): string =>
      `2024-${random.pick(['03-10', '11-03', '07-01'])} ${two(random, 4)}:${two(random, 59)}`;
    expectSame(local, ['timestamp[us, America/New_York]']);
    expectSame(local, ['timestamp[us, UTC]', 'timestamp[s]'], { timeZone: 'America/New_York' });
  });

  it('reads truths and texts', () => {
    expectSame(
      (random) => random.pick(['true', 'FALSE', 't', 'F', '1', '0', 'yes', 'No', 'y', 'maybe', '2']),
      ['bool'],
    );
    expectSame(
      (random) => random.pick(['', 'a', 'ä€😀', ' x ', 'NA', 'sixteen bytes ok', 'seventeen bytes k', 'x'.repeat(40)]),
      ['utf8', 'dictionary<utf8>'],
    );
  });

  it('asks first for texts that stand for null and could be values', () => {
    expectSame((random) => random.pick(['-999', '5', '0', '-1']), ['int32', 'float64'], { nulls: ['-999', '0'] });
  });
});
