/** A durable checkpoint as a file: what one process leaves for the next. */
import { deserialize, serialize } from 'node:v8';
import { crc32 } from 'node:zlib';
import { PipelineError } from '@spillway/core/base';
import type { StagedSink } from '@spillway/core/internal';
import type { WrittenMark } from '../coordinator/written-sinks.ts';
import type { Summary } from '../job/summary.ts';
import type { SourcePosition } from './source-positions.ts';

/** What an operator's snapshot has on disk. */
export interface StateFile {
  /** As the snapshot names it. */
  path: string;
  bytes: number;
  /** In the folder of the checkpoint's states. */
  name: string;
}

/** Plain data. */
export interface DurableCheckpoint {
  /** Number of the barrier over all runs of the job, from 1. */
  epoch: number;
  /** Names this job in datasets: another one of the same id, begun anew, has another. */
  history: string;
  fingerprint: string;
  /** Nothing follows: the input has ended for good. */
  isClosed: boolean;
  sources: [node: number, position: SourcePosition][];
  /** By node, of operators with a state. */
  operators: [node: number, saved: unknown][];
  files: StateFile[];
  /** Nodes whose stage had ended. */
  ended: number[];
  /** By node: what is to be committed, and what the sink goes on from. */
  sinks: [node: number, sink: { staged: StagedSink; mark: WrittenMark }][];
  summary?: Summary;
}

const MAGIC = 'SPWYCKP1';

export function encodeCheckpoint(checkpoint: DurableCheckpoint): Uint8Array {
  const body = serialize(checkpoint);
  const head = Buffer.alloc(MAGIC.length + 4);
  head.write(MAGIC, 'latin1');
  head.writeUInt32LE(crc32(body), MAGIC.length);
  return Buffer.concat([head, body]);
}

/** @throws ERR_RESUME_CORRUPT */
export function decodeCheckpoint(bytes: Uint8Array, path: string): DurableCheckpoint {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const body = buffer.subarray(MAGIC.length + 4);
  const isRight =
    buffer.length > MAGIC.length + 4 &&
    buffer.toString('latin1', 0, MAGIC.length) === MAGIC &&
    crc32(body) === buffer.readUInt32LE(MAGIC.length);
  if (isRight) return deserialize(body) as DurableCheckpoint;
  throw new PipelineError('ERR_RESUME_CORRUPT', `${path} is no checkpoint, or damaged`, {
    file: path,
    hint: 'restore the file; or begin anew with another resume id and an empty dataset',
  });
}
