/** `spillway vacuum`: removes files that no version within the retention has. */
import type { DatasetKey, VacuumSummary } from '@spillway/core';
import { formatBytes } from '@spillway/core/words';
import type { CommonOptions, Context } from '../context.ts';
import { amount } from '../output/text-table.ts';
import { keyText, matchingKeys, openExisting } from './open-existing.ts';

export interface VacuumCommandOptions extends CommonOptions {
  retention?: string;
  dryRun?: boolean;
}

function tell({ key, files, bytes }: VacuumSummary & { key: DatasetKey }, isDryRun: boolean): string {
  const what = files === 0 ? 'nothing to remove' : `${amount(files, 'file')}, ${formatBytes(bytes)}`;
  return `${keyText(key)}  ${files > 0 && isDryRun ? 'would remove ' : files > 0 ? 'removed ' : ''}${what}`;
}

/** @throws what `Store.vacuum` throws */
export async function vacuumStore(
  path: string,
  part: Readonly<Record<string, string>> | undefined,
  options: VacuumCommandOptions,
  context: Context,
): Promise<void> {
  const { results } = context;
  const store = await openExisting(path, context.cwd);
  const { retention, dryRun = false, json = false } = options;
  const datasets: (VacuumSummary & { key: DatasetKey })[] = [];
  for (const key of await matchingKeys(store, part)) {
    const summary = await store.vacuum(key, { dryRun, ...(retention !== undefined && { retention }) });
    const one = { key, ...summary };
    datasets.push(one);
    if (json) continue;
    await results.line(tell(one, dryRun));
    if (dryRun) for (const file of one.paths) await results.line(`  ${file}`);
  }
  const sum = (of: 'files' | 'bytes'): number => datasets.reduce((total, each) => total + each[of], 0);
  const whole = { ok: true, root: store.root, dryRun, files: sum('files'), bytes: sum('bytes'), datasets };
  if (json) await results.line(JSON.stringify(whole));
}
