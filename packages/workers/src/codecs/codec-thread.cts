/** What piscina loads in a thread of the codec pool. CommonJS for the same reason as `lanes/stage-thread.cts`. */
const loading = import('./codec-worker.js');

module.exports = async (
  task: import('./protocol.ts', { with: { 'resolution-mode': 'import' }}).CodecTask,
): Promise<unknown> => (await loading).default(task);
