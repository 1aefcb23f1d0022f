/** One sink: takes its edge to the end and writes the rows to staged files, batch by batch. */
import { type Arena, type Batch, OrderCheck, ParquetWriter } from '@spillway/core/internal';
import { attachRing } from '../channels/ring.ts';
import { ActorStatistics } from '../monitor/statistics.ts';
import type { StagedFiles, WriteTask } from './protocol.ts';

/** Something that batches are written to. Exactly one of `end` and `abort` is called. */
interface BatchWriter {
  push(batch: Batch): Promise<void>;
  end(): Promise<StagedFiles>;
  abort(): Promise<void>;
}

/** Writes until the edge ends. Nothing is left on disk when it throws. */
export async function writeSink(arena: Arena, task: WriteTask): Promise<StagedFiles> {
  const statistics = new ActorStatistics(arena.buffer, task.actor);
  const writer = await openWriter(arena, task);
  try {
    await takeAll(arena, task, statistics, writer);
    const staged = await writer.end();
    statistics.enter('done');
    return staged;
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

async function takeAll(arena: Arena, task: WriteTask, statistics: ActorStatistics, writer: BatchWriter): Promise<void> {
  const consumer = attachRing(arena, task.ring).consumer();
  for (;;) {
    statistics.enter('waiting for input', task.edge);
    const packet = await consumer.next();
    statistics.enter('working');
    if (packet === undefined) return;
    await writeBatches(packet.batches, statistics, writer);
  }
}

async function writeBatches(batches: Batch[], statistics: ActorStatistics, writer: BatchWriter): Promise<void> {
  try {
    for (let batch = batches[0]; batch !== undefined; batch = batches[0]) {
      if (batch.rows > 0) await writer.push(batch);
      statistics.countIn(batch.rows, batch.logicalBytes);
      batches.shift();
      batch.release();
    }
  } finally {
    for (const batch of batches) batch.release();
  }
}

async function openWriter(arena: Arena, task: WriteTask): Promise<BatchWriter> {
  const { sink, fields } = task;
  if (sink.type === 'parquet') {
    const writer = await ParquetWriter.open({ path: task.staging, fields, compression: sink.compression, rowGroupRows: sink.rowGroupRows, arena });
    return {
      push: (batch) => writer.push(batch),
      end: async () => ({ type: 'parquet', file: await writer.end() }),
      abort: () => writer.abort(),
    };
  }
  throw new Error('not yet');
}
