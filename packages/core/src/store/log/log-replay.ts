/** The state of a table after a run of actions: for each thing the last that was said of it. */
import { PipelineError } from '../../errors.ts';
import type {
  AddAction,
  DeltaAction,
  MetaDataAction,
  ProtocolAction,
  RemoveAction,
  Snapshot,
  TxnAction,
} from './delta-actions.ts';

export function corrupt(table: string, what: string, cause?: unknown): PipelineError {
  return new PipelineError('ERR_STORE_CORRUPT', `${table}: ${what}`, {
    file: table,
    cause,
    hint: 'restore the log from a copy; the data files themselves are untouched',
  });
}

export function unsupported(table: string, what: string, hint: string): PipelineError {
  return new PipelineError('ERR_STORE_UNSUPPORTED', `${table}: ${what}`, { file: table, hint });
}

export class LogReplay {
  #protocol: ProtocolAction | undefined;
  #metaData: MetaDataAction | undefined;
  readonly #files: Map<string, AddAction>;
  readonly #tombstones = new Map<string, RemoveAction>();
  readonly #txns: Map<string, TxnAction>;
  readonly #table: string;

  /** @param before the state to go on from, which stays as it is */
  constructor(table: string, before?: Snapshot) {
    this.#table = table;
    this.#protocol = before?.protocol;
    this.#metaData = before?.metaData;
    this.#files = new Map(before?.files);
    this.#txns = new Map(before?.txns);
  }

  /** Of the actions that were applied; those of the state before are not known. */
  get tombstones(): ReadonlyMap<string, RemoveAction> {
    return this.#tombstones;
  }

  /** The lines of one commit, or of a checkpoint. Within one commit, what is removed is removed before what is added. */
  apply(actions: readonly DeltaAction[]): void {
    for (const { remove } of actions) if (remove) this.#remove(remove);
    for (const { protocol, metaData, add, txn } of actions) {
      if (protocol) this.#protocol = protocol;
      if (metaData) this.#metaData = metaData;
      if (txn) this.#txns.set(txn.appId, txn);
      if (add) this.#add(add);
    }
  }

  #remove(remove: RemoveAction): void {
    this.#files.delete(remove.path);
    this.#tombstones.set(remove.path, remove);
  }

  #add(add: AddAction): void {
    if (add.deletionVector !== undefined && add.deletionVector !== null) {
      throw unsupported(
        this.#table,
        'rows of its files are deleted by vectors',
        'another program changed the table: read it with that program',
      );
    }
    this.#tombstones.delete(add.path);
    this.#files.delete(add.path);
    this.#files.set(add.path, add);
  }

  /** What has been applied so far; it stays as it is. @throws ERR_STORE_CORRUPT when no protocol or schema was said */
  snapshot(version: number, committedAt: number | undefined): Snapshot {
    const [protocol, metaData] = [this.#protocol, this.#metaData];
    if (protocol === undefined || metaData === undefined)
      throw corrupt(this.#table, 'its log names no protocol or no schema');
    return { version, committedAt, protocol, metaData, files: new Map(this.#files), txns: new Map(this.#txns) };
  }
}
