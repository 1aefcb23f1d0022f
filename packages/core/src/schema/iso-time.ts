const ISO =
  /^([+-]\d{6}|\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|z|[+-]\d{2}(?::?\d{2})?)?)?$/;

function offsetMinutes(text: string | undefined): number {
  if (text === undefined || text === 'Z' || text === 'z') return 0;
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(3).replace(':', '') || '0');
  return text.startsWith('-') ? -minutes : minutes;
}

/**
 * Nanoseconds since 1970 of an ISO 8601 date or date and time, up to nanosecond digits; undefined when the text is none
 * or the date does not exist. Without an offset it is taken as UTC.
 */
export function parseIsoTime(text: string): bigint | undefined {
  const match = ISO.exec(text.trim());
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map((group) => Number(match[group] ?? '0')) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const isReal =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (!isReal || Number.isNaN(date.getTime())) return undefined;
  const milliseconds = date.getTime() - offsetMinutes(match[8]) * 60_000;
  return BigInt(milliseconds) * 1_000_000n + BigInt((match[7] ?? '').padEnd(9, '0'));
}

/** Nanoseconds since midnight of `HH:MM[:SS[.fraction]]`; undefined when the text is none. */
export function parseClockTime(text: string): bigint | undefined {
  const match = /^(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?$/.exec(text.trim());
  if (match === null) return undefined;
  const [hour, minute, second] = [1, 2, 3].map((group) => Number(match[group] ?? '0')) as [number, number, number];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  return BigInt((hour * 60 + minute) * 60 + second) * 1_000_000_000n + BigInt((match[4] ?? '').padEnd(9, '0'));
}
