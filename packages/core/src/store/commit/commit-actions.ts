/** The lines of one commit: protocol, schema and properties where they change, files that go and files that come. */
import { randomUUID } from 'node:crypto';

import type { Fields } from '../../schema/types.ts';
import { addAction, type DatasetFile, type StagedFile, withSequence } from '../files/dataset-file.ts';
import type { AddAction, DeltaAction, MetaDataAction, ProtocolAction, Snapshot } from '../log/delta-actions.ts';
import { needsNaiveTimestamps, toSchemaString } from '../log/delta-schema.ts';
import { type MetadataChange, PROPERTY, settingsToProperties, type WriteSettings } from './write-settings.ts';

/** Files [first, end) of the dataset, in order, that are replaced. */
export interface Replacement {
  first: number;
  end: number;
  /** In order, with their names in the table's folder. */
  files: { file: StagedFile; name: string }[];
}

export interface ChangeRequest {
  fields: Fields;
  orderedOn: string;
  settings: WriteSettings;
  /** Entries to set; `null` takes one back. Others stay. */
  metadata?: MetadataChange;
  properties?: Readonly<Record<string, string>>;
  txn?: { appId: string; version: number };
  /** Files of others that go. */
  replaces?: readonly AddAction[];
  /** The columns of the dataset become these. */
  isNewSchema: boolean;
  /** Of the commit's own line. */
  operation: { name: string; parameters: Record<string, string> };
}

/** Room between two files' sequences, so that others fit in between. */
const SEQUENCE_STEP = 2 ** 20;

/** The protocol that a table of these columns needs, or undefined when it has it. */
function newProtocol(fields: Fields, before: ProtocolAction | undefined): ProtocolAction | undefined {
  if (!needsNaiveTimestamps(fields))
    return before === undefined ? { minReaderVersion: 1, minWriterVersion: 2 } : undefined;
  if (before?.readerFeatures?.includes('timestampNtz')) return undefined;
  const readerFeatures = [...(before?.readerFeatures ?? []), 'timestampNtz'];
  // Version 2 stood for these two; a list of features has to name them.
  const implied =
    before === undefined
      ? []
      : before.minWriterVersion <= 2
        ? ['appendOnly', 'invariants']
        : (before.writerFeatures ?? []);
  return { minReaderVersion: 3, minWriterVersion: 7, readerFeatures, writerFeatures: [...implied, 'timestampNtz'] };
}

function changedMetadata(before: MetaDataAction | undefined, change: MetadataChange): string {
  const stored = before?.configuration?.[PROPERTY.metadata];
  const all: MetadataChange = { ...(stored === undefined ? {} : (JSON.parse(stored) as MetadataChange)), ...change };
  return JSON.stringify(Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null)));
}

function metaDataOf(request: ChangeRequest, before: MetaDataAction | undefined, now: number): MetaDataAction {
  const { fields, orderedOn, settings, metadata, isNewSchema } = request;
  const configuration: Record<string, string | undefined> = {
    ...before?.configuration,
    ...request.properties,
    ...settingsToProperties(orderedOn, settings),
    ...(metadata === undefined ? {} : { [PROPERTY.metadata]: changedMetadata(before, metadata) }),
  };
  return {
    id: before?.id ?? randomUUID(),
    format: { provider: 'parquet', options: {} },
    schemaString: before === undefined || isNewSchema ? toSchemaString(fields) : before.schemaString,
    partitionColumns: [],
    configuration: Object.fromEntries(
      Object.entries(configuration).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
    createdTime: before?.createdTime ?? now,
  };
}

/** Sequences of new files between two others; undefined when there is no room. */
function sequencesBetween(left: number, right: number | undefined, count: number): number[] | undefined {
  const step = right === undefined ? SEQUENCE_STEP : Math.min(SEQUENCE_STEP, Math.floor((right - left) / (count + 1)));
  return step < 1 ? undefined : Array.from({ length: count }, (_, i) => left + step * (i + 1));
}

/** Adds of the new files, and of stored ones whose sequence has to change to make room. */
function addsOf(
  stored: readonly { file: DatasetFile; action: AddAction }[],
  replacements: readonly Replacement[],
  now: number,
): AddAction[] {
  const adds: AddAction[] = [];
  for (const { first, end, files } of replacements) {
    const sequences = sequencesBetween(
      stored[first - 1]?.file.sequence ?? -1,
      stored[end]?.file.sequence,
      files.length,
    );
    if (sequences === undefined) return renumbered(stored, replacements, now);
    files.forEach(({ file, name }, i) => void adds.push(addAction(file, name, sequences[i] ?? 0, now)));
  }
  return adds;
}

/** All files under new sequences. What stays is added again under its own path, which changes nothing but its tags. */
function renumbered(
  stored: readonly { file: DatasetFile; action: AddAction }[],
  replacements: readonly Replacement[],
  now: number,
): AddAction[] {
  const adds: AddAction[] = [];
  const next = (): number => (adds.length + 1) * SEQUENCE_STEP;
  let at = 0;
  const keepTo = (end: number): void => {
    for (const { action } of stored.slice(at, end)) adds.push(withSequence(action, next()));
  };
  for (const { first, end, files } of replacements) {
    keepTo(first);
    for (const { file, name } of files) adds.push(addAction(file, name, next(), now));
    at = end;
  }
  keepTo(stored.length);
  return adds;
}

/** The lines of a commit on top of `snapshot`. `stored` are its files in order. */
export function commitActions(
  request: ChangeRequest,
  replacements: readonly Replacement[],
  snapshot: Snapshot | undefined,
  stored: readonly { file: DatasetFile; action: AddAction }[],
  now: number,
): DeltaAction[] {
  const metaData = metaDataOf(request, snapshot?.metaData, now);
  const isChanged = snapshot === undefined || JSON.stringify(metaData) !== JSON.stringify(snapshot.metaData);
  const protocol = newProtocol(request.fields, snapshot?.protocol);
  const removed = replacements.flatMap(({ first, end }) => stored.slice(first, end).map(({ action }) => action));
  removed.push(...(request.replaces ?? []));
  return [
    {
      commitInfo: {
        timestamp: now,
        operation: request.operation.name,
        txnId: randomUUID(),
        engineInfo: 'spillway/0.1.0',
        operationParameters: request.operation.parameters,
        isBlindAppend: false,
      },
    },
    ...(protocol === undefined ? [] : [{ protocol }]),
    ...(isChanged ? [{ metaData }] : []),
    ...(request.txn === undefined ? [] : [{ txn: { ...request.txn, lastUpdated: now } }]),
    ...removed.map(({ path, size }) => ({
      remove: { path, deletionTimestamp: now, dataChange: true, extendedFileMetadata: true, partitionValues: {}, size },
    })),
    ...addsOf(stored, replacements, now).map((add) => ({ add })),
  ];
}
