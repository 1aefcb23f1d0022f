/** Compressed text files of a plan: they are read as text in chunks, so they have to lie somewhere as text first. */
import { type PlannedRun, retotal } from './plan-run.ts';
import type { SpillPlace } from './spill-place.ts';

export function isPacked({ logical }: PlannedRun): boolean {
  return logical.nodes.some(
    ({ spec }) =>
      spec.kind === 'source' && spec.source.type === 'text' && spec.source.files.some((file) => file.packing),
  );
}

/** Unpacks them into the run's own folder, and counts their rows and bytes anew. @throws what is wrong with a file */
export async function unpackInputs(planned: PlannedRun, place: SpillPlace, signal: AbortSignal): Promise<void> {
  const { packedFiles, unpackFiles } = await import('../sources/unpack-files.ts');
  await unpackFiles(packedFiles(planned), place, signal);
  retotal(planned);
}
