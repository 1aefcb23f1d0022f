/** One sink: takes its edge to the end and writes the rows to staged files, batch by batch. */
import { openFileSink } from '@spillway/core/files';
import type { Arena, Batch, FileSink, StagedSink } from '@spillway/core/internal';
import { attachRing } from '../channels/ring.ts';
import { ActorStatistics } from '../monitor/statistics.ts';
import type { WriteTask } from './protocol.ts';

/** Writes until the edge ends. What a failed task leaves under `staging`, the coordinator removes. */
export async function writeSink(arena: Arena, task: WriteTask): Promise<StagedSink> {
  const { sink: spec, fields, staging, memoryLimitBytes } = task;
  const statistics = new ActorStatistics(arena.buffer, task.actor);
  const sink = await openFileSink({ spec, fields, arena, owner: task.owner, staging, memoryLimitBytes });
  try {
    await takeAll(arena, task, statistics, sink);
  } catch (error) {
    await sink.abort();
    throw error;
  }
  const staged = await sink.end();
  statistics.enter('done');
  return staged;
}

async function takeAll(arena: Arena, task: WriteTask, statistics: ActorStatistics, sink: FileSink): Promise<void> {
  const consumer = attachRing(arena, task.ring).consumer();
  for (;;) {
    statistics.enter('waiting for input', task.edge);
    const packet = await consumer.next();
    statistics.enter('working');
    if (packet === undefined) return;
    await writeBatches(packet.batches, statistics, sink);
    consumer.countDone();
  }
}

/** The sink takes each batch over; those that it never got are released here. */
async function writeBatches(batches: Batch[], statistics: ActorStatistics, sink: FileSink): Promise<void> {
  try {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      const { rows, logicalBytes } = batch;
      if (rows > 0) await sink.push(batch);
      else batch.release();
      statistics.countIn(rows, logicalBytes);
    }
  } finally {
    for (const batch of batches) batch.release();
  }
}
