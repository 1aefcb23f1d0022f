/** The modules that a worker needs for the ops of its tasks. */
import { type PartitionTask, readPlanText } from '@spillway/core/partition';

/** URLs of the modules of all ops and generated sources of these tasks. */
export function opModules(tasks: readonly PartitionTask[]): string[] {
  const urls = new Set<string>();
  const texts = new Set(tasks.flatMap(({ plan, inputs }) => [plan, ...inputs.map(({ source }) => source)]));
  for (const text of texts) collect(readPlanText(text), urls);
  return [...urls];
}

/** An op is named by the URL of its module and its place there. */
function collect(value: unknown, urls: Set<string>): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
  const { url, ordinal } = value as { url?: unknown; ordinal?: unknown };
  if (typeof url === 'string' && typeof ordinal === 'number') urls.add(url);
  for (const part of Object.values(value)) collect(part, urls);
}
