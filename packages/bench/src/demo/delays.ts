/** Delays by airport or month, added up from what the store holds. */
import { grouped } from '@spillway/workers/internal';
import { indentedTable } from '../report/indented-table.ts';

/** What is added up of each airport or month: columns of the store. */
export const COUNTED = ['n', 'sum_delay', 'n_late', 'n_inbound', 'sum_inbound_delay', 'n_both_late'] as const;

/** One row of the store as far as it is added up; null where no flight came in before. */
export type Counts = { readonly [K in (typeof COUNTED)[number]]: bigint | null };

/** Flights of one airport or month, and those among them that another flight came in before. */
export interface DelayRow {
  name: string;
  flights: bigint;
  delaySum: bigint;
  late: bigint;
  inbound: bigint;
  inboundDelaySum: bigint;
  bothLate: bigint;
}

/** Adds up delays by name, in the order of first appearance. */
export class DelaySums {
  readonly #rows = new Map<string, DelayRow>();

  add(name: string, counts: Counts): void {
    const row = this.#rows.get(name) ?? emptyRow(name);
    row.flights += counts.n ?? 0n;
    row.delaySum += counts.sum_delay ?? 0n;
    row.late += counts.n_late ?? 0n;
    row.inbound += counts.n_inbound ?? 0n;
    row.inboundDelaySum += counts.sum_inbound_delay ?? 0n;
    row.bothLate += counts.n_both_late ?? 0n;
    this.#rows.set(name, row);
  }

  rows(): DelayRow[] {
    return [...this.#rows.values()];
  }
}

function emptyRow(name: string): DelayRow {
  return { name, flights: 0n, delaySum: 0n, late: 0n, inbound: 0n, inboundDelaySum: 0n, bothLate: 0n };
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

const COLUMNS = ['flights', 'delay, min', 'late', 'inbound', 'delay, min', 'both late'].map((title) => ({
  title,
  align: 'right' as const,
}));

/** A table of delays: of the flights, then of those that came in before them, as far as there were any. */
export function delayTable(title: string, rows: readonly DelayRow[]): string {
  const cells = rows.map((row) => [
    row.name,
    grouped(row.flights),
    meanDelay(row).toFixed(1),
    percent(row.late, row.flights),
    percent(row.inbound, row.flights),
    row.inbound === 0n ? '–' : (Number(row.inboundDelaySum) / Number(row.inbound)).toFixed(1),
    percent(row.bothLate, row.inbound),
  ]);
  return indentedTable([{ title, align: 'left' }, ...COLUMNS], cells);
}

/** A share, such as `97.0 %`. */
export function percent(part: bigint, whole: bigint): string {
  return whole === 0n ? '–' : `${((100 * Number(part)) / Number(whole)).toFixed(1)} %`;
}
