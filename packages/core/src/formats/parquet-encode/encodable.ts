/** What our own encoder writes. Everything else is the library's. */
import type { Fields } from '../../schema/types.ts';
import { physicalColumn } from './physical-column.ts';

/** Numbers of the codecs that chunks begin with. `light`: floats that are a tenth shorter so are frames of Zstandard, all else is as it is. */
export const CODECS = { none: 0, snappy: 1, light: 0 } as const;
export type NativeCodec = keyof typeof CODECS;

/** Whether files of these columns are written here. */
export function canEncodeNatively(fields: Fields, compression: string): boolean {
  return compression in CODECS && fields.every((field) => physicalColumn(field) !== undefined);
}
