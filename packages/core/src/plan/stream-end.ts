/** Where a stream ends so far: what every step and every sink is added to. */
import type { Shape } from '../schema/types.ts';
import type { GraphInput, GraphNode, PipelineSettings } from './graph.ts';
import type { Registry } from './registry.ts';
import { refuseOptions } from './steps/column-checks.ts';
import type { Stream } from './stream.ts';

/** Gives the streams of one pipeline their registered methods. */
export interface StreamMaker {
  // biome-ignore lint/suspicious/noExplicitAny: a stream of whatever shape the caller says
  stream(node: GraphNode, port?: string): any;
  readonly settings: PipelineSettings;
}

export class StreamEnd<in out S extends Shape, in out R extends Registry> {
  /** Types only. */
  declare readonly shape?: S;
  readonly #node: GraphNode;
  readonly #port: string;
  readonly #maker: StreamMaker;

  constructor(node: GraphNode, port: string, maker: StreamMaker) {
    this.#node = node;
    this.#port = port;
    this.#maker = maker;
  }

  /** Where a stream ends so far, for steps that take several. @throws ERR_OPTIONS when it is no stream of this pipeline */
  static endOf(stream: unknown, name: string, settings: PipelineSettings): GraphInput {
    if (typeof stream === 'object' && stream !== null && #node in stream) {
      const { settings: own } = stream.#maker;
      if (own === settings) return { node: stream.#node, port: stream.#port };
      throw refuseOptions(
        'joinStream',
        `"${name}" belongs to another pipeline`,
        'make both streams from one createPipeline()',
      );
    }
    throw refuseOptions(
      'joinStream',
      `"${name}" is not a stream`,
      'give streams by name: joinStream({ trades, quotes }, …)',
    );
  }

  /** Adds a step that the pipeline itself makes: a registered op. */
  append(step: (input: GraphInput, settings: PipelineSettings) => GraphNode, port?: string): Stream<Shape, R> {
    return this.#maker.stream(step({ node: this.#node, port: this.#port }, this.#maker.settings), port);
  }

  /** For what ends a stream. Static, so that no op of this name is refused. */
  protected static of<S extends Shape, R extends Registry>(
    stream: StreamEnd<S, R>,
  ): { input: GraphInput; settings: PipelineSettings } {
    return { input: { node: stream.#node, port: stream.#port }, settings: stream.#maker.settings };
  }
}
