/**
 * The objects behind the ids of a plan: what feeds its sources and takes its results on the main thread. They are kept
 * alive by the streams and sinks that made them, never by this registry: whoever runs a plan holds on to its sinks.
 */
import { PipelineError } from '../errors.ts';
import type { CallbackSink, Feeder } from './endpoints-contract.ts';

const endpoints = new Map<string, WeakRef<object>>();
const collected = new FinalizationRegistry<string>((id) => endpoints.delete(id));
let made = 0;

function register(kind: string, endpoint: object): string {
  const id = `${kind}-${++made}`;
  endpoints.set(id, new WeakRef(endpoint));
  collected.register(endpoint, id);
  return id;
}

function find(id: string, what: string): object {
  const endpoint = endpoints.get(id)?.deref();
  if (endpoint !== undefined) return endpoint;
  throw new PipelineError('ERR_PLAN', `${what} "${id}" is not in this process`, {
    hint: 'run a plan in the process and thread that built it, and keep its sinks until the run has started',
  });
}

/** Names a feeder for a plan. */
export function registerFeeder(feeder: Feeder): string {
  return register('feed', feeder);
}

/** @throws ERR_PLAN when this process has no such feeder */
export function feederOf(id: string): Feeder {
  return find(id, 'the source') as Feeder;
}

/** Names a callback or an iterating sink for a plan. */
export function registerCallback(callback: CallbackSink): string {
  return register('callback', callback);
}

/** @throws ERR_PLAN when this process has no such callback */
export function callbackOf(id: string): CallbackSink {
  return find(id, 'the callback') as CallbackSink;
}
