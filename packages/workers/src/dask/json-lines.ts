/** One JSON object a line, as processes of this package speak with each other. */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** Calls `take` with every line that is an object; what else is printed there is left out. Resolves at the end. */
export async function readJsonLines(source: Readable, take: (message: Record<string, unknown>) => void): Promise<void> {
  for await (const line of createInterface({ input: source, crlfDelay: Infinity })) {
    const message = parsed(line);
    if (message !== undefined) take(message);
  }
}

function parsed(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
