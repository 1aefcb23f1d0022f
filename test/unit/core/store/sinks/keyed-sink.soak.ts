import { it } from 'vitest';
import { chooseSeed } from '../../../../support/random.ts';
import { KEYED_FORMATS, tryKeyedSink } from './keyed-sinks.ts';

it.each(KEYED_FORMATS)(
  '200 sinks of folders by key have what they should have: %s',
  async (kind) => {
    const first = chooseSeed();
    for (let seed = first; seed < first + 200; seed++) await tryKeyedSink(kind, seed);
  },
  1_200_000,
);
