import { fileURLToPath } from 'node:url';

/**
 * Three million flights of the first half of 2001, ordered by `date` (US Bureau of Transportation Statistics, public
 * domain), from the npm package that carries them. The package exports its code only, so the file is found beside it.
 */
export function flightsFile(): string {
  return fileURLToPath(new URL('../data/flights-3m.parquet', import.meta.resolve('vega-datasets')));
}
