/** Errors, sizes, durations and names for people: what the command line needs at once, and therefore little. No promise of stability. */
export { errorToData, PipelineError, type PipelineErrorData } from './errors.ts';
export { expandPaths } from './formats/glob.ts';
export { parseDuration } from './schema/durations.ts';
export { fieldsFromShape, type SchemaShape } from './schema/fields.ts';
export { nameHint, nearestName } from './schema/nearest-name.ts';
export { formatBytes, parseBytes } from './schema/sizes.ts';
export type { Fields } from './schema/types.ts';
export { runFolder } from './spill/run-folder.ts';
export { checkTarget } from './store/files/row-group-target.ts';
export { showKey } from './store/keys/key-path.ts';
