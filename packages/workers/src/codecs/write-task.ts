/** One sink: takes its edge to the end and writes the rows to staged files, batch by batch. */
import { openFileSink } from '@spillway/core/files';
import type { Arena, Batch, FileSink, SinkMark, StagedSink, WrittenFiles } from '@spillway/core/internal';
import { inTurn } from '../channels/in-turn.ts';
import { attachRing } from '../channels/ring.ts';
import { exposeControl } from '../control/control-port.ts';
import { outcomeOf } from '../control/outcome.ts';
import { ActorStatistics } from '../monitor/actor-statistics.ts';
import type { EndedMark, WriterControl, WriteTask } from './protocol.ts';

/** Writes until the edge ends. What a failed task leaves under `staging`, the coordinator removes. */
export async function writeSink(arena: Arena, task: WriteTask): Promise<StagedSink> {
  const { sink: spec, fields, staging, memoryLimitBytes, from, isNamed } = task;
  const statistics = new ActorStatistics(arena.buffer, task.actor);
  const goesOn = from === undefined ? {} : { from };
  const sink = await openFileSink({
    ...{ spec, fields, arena, owner: task.owner, staging, memoryLimitBytes, isNamed },
    ...goesOn,
  });
  if (from === undefined && spec.type === 'store') countWritten(spec.written, statistics);
  const writer = new SinkWriter(sink);
  const control: WriterControl = { mark: (needed, handsOver) => outcomeOf(() => writer.mark(needed, handsOver)) };
  exposeControl(task.control, control);
  try {
    await takeAll(arena, task, statistics, writer);
    const staged = await writer.end();
    statistics.enter('done');
    return staged;
  } catch (error) {
    await writer.abort();
    throw error;
  } finally {
    task.control.close();
  }
}

/** Rows that other processes have written for the sink are rows that it got. */
function countWritten(written: WrittenFiles | undefined, statistics: ActorStatistics): void {
  if (written === undefined) return;
  const bytes = written.files.reduce((sum, file) => sum + file.bytes, 0);
  statistics.countIn(written.rows, bytes);
}

/** What is done to a sink, one after the other: a barrier that was given up may still be marking when rows come again. */
class SinkWriter {
  readonly #sink: FileSink;
  readonly #inTurn: ReturnType<typeof inTurn> = inTurn();
  #staged: StagedSink | undefined;

  constructor(sink: FileSink) {
    this.#sink = sink;
  }

  push(batch: Batch): Promise<void> {
    return this.#inTurn(() => this.#sink.push(batch));
  }

  mark(needed: number, handsOver: boolean): Promise<SinkMark | EndedMark> {
    return this.#inTurn(async () =>
      this.#staged === undefined ? this.#sink.mark(needed, handsOver) : { type: 'ended', staged: this.#staged },
    );
  }

  end(): Promise<StagedSink> {
    return this.#inTurn(async () => {
      this.#staged = await this.#sink.end();
      return this.#staged;
    });
  }

  abort(): Promise<void> {
    return this.#inTurn(() => this.#sink.abort());
  }
}

async function takeAll(arena: Arena, task: WriteTask, statistics: ActorStatistics, writer: SinkWriter): Promise<void> {
  const consumer = attachRing(arena, task.ring).consumer();
  for (;;) {
    statistics.enter('waiting for input', task.edge);
    const packet = await consumer.next();
    statistics.enter('working');
    if (packet === undefined) return;
    await writeBatches(packet.batches, statistics, writer);
    consumer.countDone();
  }
}

/** The sink takes each batch over; those that it never got are released here. */
async function writeBatches(batches: Batch[], statistics: ActorStatistics, writer: SinkWriter): Promise<void> {
  try {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      const { rows, logicalBytes } = batch;
      if (rows > 0) await writer.push(batch);
      else batch.release();
      statistics.countIn(rows, logicalBytes);
    }
  } finally {
    for (const batch of batches) batch.release();
  }
}
