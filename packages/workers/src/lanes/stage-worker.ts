/**
 * Entry of a thread of the stage pool: one task is one lane of one stage, for a whole run. Loaded from the built files.
 * Everything that a lane may not need is imported when a stage is configured.
 */

import { exposeControl } from '../control/control-port.ts';
import { Lane } from './lane.ts';
import type { LaneTask } from './protocol.ts';
import { attachThread } from './thread-arena.ts';

/** Runs one lane to its end. Its result travels as the last message on the port, behind the flush events. */
export default async function runLane({ config, port }: LaneTask): Promise<void> {
  const lane = new Lane(attachThread(), config, port);
  exposeControl(port, lane.control);
  lane.begin();
  try {
    await lane.ended;
  } finally {
    port.close();
  }
}
