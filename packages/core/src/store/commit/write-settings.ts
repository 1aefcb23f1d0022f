/**
 * How a dataset is written: its order, what makes rows equal, how large row groups should be. What a write says is kept as
 * properties of the table, and holds for later writes that say nothing.
 */
import { PipelineError } from '../../errors.ts';
import { fieldIndex } from '../../schema/fields.ts';
import { parseType } from '../../schema/parse-type.ts';
import type { Fields } from '../../schema/types.ts';
import { checkTarget, DEFAULT_TARGET, periodsOf, type RowGroupTarget } from '../files/row-group-target.ts';

/** What a write may say. Left out: as the dataset was written before. Plain data. */
export interface WriteSettings {
  /** Columns that, with the ordered one, make rows equal: of equal rows the last stays. `[]`: all columns; `null`: none. */
  duplicatesOn?: readonly string[] | null;
  /** Rows of a row group, or its period. Default 524,288. */
  rowGroupTarget?: RowGroupTarget;
  /**
   * Row groups off their target (under 80 % of it, or sharing a period) that may lie beside each other where rows are
   * written, before they are made into whole ones. At least 1. Default, and with `null`: any number.
   */
  maxOffTargetRowGroups?: number | null;
  /**
   * Rows with further columns behind those of the dataset, or with wider numbers (`int32` where it has `int16`, `float64` where
   * it has `float32`): refused (default), or `evolve`: the dataset gets the columns, null in its older rows, and the wider types;
   * all its files are written anew in one commit. Further columns have to be nullable. Not kept for later writes.
   */
  schemaChange?: 'refuse' | 'evolve';
}

/** Entries of the user's own that a write sets in a dataset's metadata; `null` takes one back, others stay. Plain data. */
export type MetadataChange = { readonly [name: string]: string | null };

/** The settings that hold for one write. Plain data. */
export interface EffectiveSettings {
  orderedOn: string;
  /** All of them, the ordered one among them; undefined when equal rows stay. */
  duplicatesOn: string[] | undefined;
  target: RowGroupTarget;
  maxOffTarget: number | undefined;
}

export const PROPERTY = {
  orderedOn: 'spillway.orderedOn',
  metadata: 'spillway.metadata',
  duplicatesOn: 'spillway.duplicatesOn',
  rowGroupTarget: 'spillway.rowGroupTarget',
  maxOffTarget: 'spillway.maxOffTargetRowGroups',
} as const;

function refuse(problem: string, hint: string): PipelineError {
  return new PipelineError('ERR_OPTIONS', problem, { hint });
}

/** @throws ERR_OPTIONS for what cannot be meant, whatever the columns */
export function checkSettings(settings: WriteSettings): void {
  const { duplicatesOn, rowGroupTarget, maxOffTargetRowGroups: most } = settings;
  const isNames = Array.isArray(duplicatesOn) && duplicatesOn.every((name) => typeof name === 'string');
  if (duplicatesOn !== undefined && duplicatesOn !== null && !isNames)
    throw refuse(`duplicatesOn is ${JSON.stringify(duplicatesOn)}`, "name columns: duplicatesOn: ['symbol']");
  if (rowGroupTarget !== undefined) checkTarget(rowGroupTarget);
  if (most !== undefined && most !== null && !(Number.isSafeInteger(most) && most >= 1))
    throw refuse(`maxOffTargetRowGroups is ${String(most)}`, 'give a number from 1 on, or leave it out');
  const { schemaChange } = settings;
  if (schemaChange !== undefined && schemaChange !== 'refuse' && schemaChange !== 'evolve')
    throw refuse(`schemaChange is ${JSON.stringify(schemaChange)}`, "use 'refuse' or 'evolve'");
}

/** Settings as table properties; `undefined` for those that are taken back. */
export function settingsToProperties(orderedOn: string, settings: WriteSettings): Record<string, string | undefined> {
  const text = (value: unknown): string | undefined => (value === null ? undefined : JSON.stringify(value));
  const { duplicatesOn, rowGroupTarget, maxOffTargetRowGroups } = settings;
  return {
    [PROPERTY.orderedOn]: orderedOn,
    ...(duplicatesOn === undefined ? {} : { [PROPERTY.duplicatesOn]: text(duplicatesOn) }),
    ...(rowGroupTarget === undefined ? {} : { [PROPERTY.rowGroupTarget]: text(rowGroupTarget) }),
    ...(maxOffTargetRowGroups === undefined ? {} : { [PROPERTY.maxOffTarget]: text(maxOffTargetRowGroups) }),
  };
}

/** What a table's properties say. Those of another program, or damaged, say nothing. */
export function settingsFromProperties(properties: Readonly<Record<string, string>> = {}): WriteSettings {
  const read = (name: string): unknown => {
    const text = properties[name];
    try {
      return text === undefined ? undefined : JSON.parse(text);
    } catch {
      return undefined;
    }
  };
  const settings = {
    duplicatesOn: read(PROPERTY.duplicatesOn),
    rowGroupTarget: read(PROPERTY.rowGroupTarget),
    maxOffTargetRowGroups: read(PROPERTY.maxOffTarget),
  };
  const present = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as WriteSettings;
}

/**
 * What holds for a write of these columns.
 * @throws ERR_COLUMN_UNKNOWN, ERR_TYPE_UNSUPPORTED (rows cannot be told apart by a list), ERR_OPTIONS
 */
export function effectiveSettings(
  orderedOn: string,
  fields: Fields,
  given: WriteSettings,
  stored: WriteSettings = {},
): EffectiveSettings {
  const { duplicatesOn, rowGroupTarget = DEFAULT_TARGET, maxOffTargetRowGroups } = { ...stored, ...given };
  periodsOf(rowGroupTarget, fields[fieldIndex(fields, orderedOn)]?.type ?? 'int64');
  return {
    orderedOn,
    duplicatesOn: duplicatesOn ? identityColumns(orderedOn, fields, duplicatesOn) : undefined,
    target: rowGroupTarget,
    maxOffTarget: maxOffTargetRowGroups ?? undefined,
  };
}

function identityColumns(orderedOn: string, fields: Fields, names: readonly string[]): string[] {
  const all = names.length === 0 ? fields.map((field) => field.name) : [...new Set([...names, orderedOn])];
  for (const name of all) {
    const type = fields[fieldIndex(fields, name)]?.type ?? 'binary';
    if (parseType(type).physical !== 'list') continue;
    throw new PipelineError('ERR_TYPE_UNSUPPORTED', `rows cannot be told apart by "${name}", which is ${type}`, {
      column: name,
      hint: 'name other columns in duplicatesOn',
    });
  }
  return all;
}
