/**
 * Control of a lane or a codec task: comlink over one message port, handed over with the task. Only commands travel
 * here, never rows. Comlink flattens errors to a message, so commands answer with `Outcome` instead of throwing.
 */
import type { MessagePort } from 'node:worker_threads';
import { expose, type Remote, releaseProxy, wrap } from 'comlink/dist/esm/comlink.mjs';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';

/** Answers commands on a port until the port closes. */
export function exposeControl(port: MessagePort, control: object): void {
  expose(control, nodeEndpoint(port));
}

/** The other end of `exposeControl`. */
export interface ControlPort<T> {
  readonly remote: Remote<T>;
  close(): void;
}

export function openControl<T extends object>(port: MessagePort): ControlPort<T> {
  const remote = wrap<T>(nodeEndpoint(port));
  return {
    remote,
    close(): void {
      remote[releaseProxy]();
      port.close();
    },
  };
}
