/**
 * What piscina loads in a thread of the stage pool. It is CommonJS because piscina tries `require` first, and a module that
 * was required once cannot be imported properly when that fails half way (Node 20.20).
 */
const loading = import('./stage-worker.js');

module.exports = async (
  task: import('./protocol.ts', { with: { 'resolution-mode': 'import' }}).LaneTask,
): Promise<void> => (await loading).default(task);
