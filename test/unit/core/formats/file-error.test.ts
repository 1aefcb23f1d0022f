import { fileError } from '@spillway/core/internal';
import { expect, it } from 'vitest';

it.each([
  ['ENOSPC', 'the disk is full', 'another disk'],
  ['EROFS', 'the file system is read-only', 'can be written to'],
  ['EACCES', 'permission denied', 'permissions'],
  ['EMFILE', 'too many open files', 'ulimit'],
])('%s says what it is, and what to do about it', async (code, why, hint) => {
  const refusal = await fileError('/data/part.parquet', Object.assign(new Error(code), { code }));
  expect(refusal).toMatchObject({
    code: 'ERR_IO',
    message: `/data/part.parquet: ${why}`,
    hint: expect.stringContaining(hint),
    file: '/data/part.parquet',
  });
});

it('what the system has no word for is told as it was said', async () => {
  const refusal = await fileError(
    '/data/part.parquet',
    Object.assign(new Error('EREMOTEIO: odd'), { code: 'EREMOTEIO' }),
  );
  expect(refusal.message).toBe('/data/part.parquet: EREMOTEIO: odd');
});
