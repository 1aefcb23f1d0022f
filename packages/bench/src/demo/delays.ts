/** Delays by airport or month, added up from what the store holds. */
import { grouped, textTable } from './text-table.ts';

/** Flights, delays and late arrivals of one airport or month. */
export interface DelayRow {
  name: string;
  flights: bigint;
  delaySum: bigint;
  late: bigint;
}

/** Adds up delays by name, in the order of first appearance. */
export function addUp(
  names: readonly string[],
  n: ArrayLike<bigint>,
  delay: ArrayLike<bigint>,
  late: ArrayLike<bigint>,
): DelayRow[] {
  const rows = new Map<string, DelayRow>();
  for (const [i, name] of names.entries()) {
    const row = rows.get(name) ?? { name, flights: 0n, delaySum: 0n, late: 0n };
    row.flights += n[i] as bigint;
    row.delaySum += delay[i] as bigint;
    row.late += late[i] as bigint;
    rows.set(name, row);
  }
  return [...rows.values()];
}

/** Mean delay in minutes. */
export function meanDelay({ flights, delaySum }: DelayRow): number {
  return Number(delaySum) / Number(flights);
}

/** The airports with the greatest mean delay among those with enough flights. */
export function worst(rows: readonly DelayRow[], minFlights: bigint, count: number): DelayRow[] {
  return rows
    .filter(({ flights }) => flights >= minFlights)
    .sort((a, b) => meanDelay(b) - meanDelay(a))
    .slice(0, count);
}

/** A table of delays. */
export function delayTable(title: string, rows: readonly DelayRow[]): string {
  const columns = [
    { title, align: 'left' },
    { title: 'flights', align: 'right' },
    { title: 'mean delay, min', align: 'right' },
    { title: 'late', align: 'right' },
  ] as const;
  const cells = rows.map((row) => [
    row.name,
    grouped(row.flights),
    meanDelay(row).toFixed(1),
    `${((100 * Number(row.late)) / Number(row.flights)).toFixed(1)} %`,
  ]);
  return textTable(columns, cells);
}
