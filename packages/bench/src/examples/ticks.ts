/** Files that the examples read: ticks of one day, and one quote a second, as a data provider would drop them into a folder. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SYMBOLS = ['AAPL', 'MSFT'];
const DAY_MS = 86_400_000;

/** Writes `trades-DAY.csv` and `quotes-DAY.ndjson` for a day; prices depend on the row alone. */
export function writeDay(folder: string, day: string): void {
  mkdirSync(folder, { recursive: true });
  const start = Date.parse(`${day}T00:00:00Z`);
  const trades = ['ts,symbol,price,qty'];
  const quotes: string[] = [];
  for (let at = 0; at < DAY_MS; at += 30_000) {
    const ts = new Date(start + at).toISOString();
    const symbol = SYMBOLS[(at / 30_000) % 2];
    trades.push(`${ts},${symbol},${100 + ((at / 30_000) % 50)},${1 + ((at / 30_000) % 9)}`);
    quotes.push(JSON.stringify({ ts, symbol, quote: { bid: 99 + ((at / 30_000) % 50) } }));
  }
  writeFileSync(join(folder, `trades-${day}.csv`), `${trades.join('\n')}\n`);
  writeFileSync(join(folder, `quotes-${day}.ndjson`), `${quotes.join('\n')}\n`);
}
