export * from './errors.ts';
export type * from './schema/types.ts';
