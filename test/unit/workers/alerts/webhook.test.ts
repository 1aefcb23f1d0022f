import { noted, Webhook } from '@spillway/workers/internal';
import { expect, it } from 'vitest';

const URL_OF_HOOK = new URL('http://127.0.0.1:9/hook?token=secret');
const AT_MS = Date.UTC(2026, 0, 2);

/** A webhook whose address answers so, try by try. */
function hookThat(answers: (number | Error)[]) {
  const sent: string[] = [];
  const pauses: number[] = [];
  const warnings: string[] = [];
  const hook = new Webhook({
    url: URL_OF_HOOK,
    send: (async (_url: URL, request: { body: string }) => {
      sent.push(request.body);
      const answer = answers.shift() ?? 200;
      if (answer instanceof Error) throw answer;
      return new Response(null, { status: answer });
    }) as never,
    pause: async (ms) => void pauses.push(ms),
    warn: (message) => void warnings.push(message),
  });
  return { hook, sent, pauses, warnings };
}

it('posts an alert as JSON, with the time', async () => {
  const { hook, sent } = hookThat([]);
  hook.post(noted('spill', 'sort', 'the disk is full'), AT_MS);
  await hook.settled();
  expect(sent.map((body) => JSON.parse(body))).toEqual([
    {
      kind: 'spill',
      severity: 'warning',
      state: 'noted',
      stage: 'sort',
      message: 'the disk is full',
      at: '2026-01-02T00:00:00.000Z',
    },
  ]);
});

it('tries again, later and later, and keeps the order', async () => {
  const { hook, sent, pauses, warnings } = hookThat([503, new Error('refused'), 200, 200]);
  hook.post(noted('spill', 'a', 'first'), AT_MS);
  hook.post(noted('spill', 'b', 'second'), AT_MS);
  await hook.settled();
  expect(sent.map((body) => JSON.parse(body).stage)).toEqual(['a', 'a', 'a', 'b']);
  expect(pauses).toEqual([500, 1000]);
  expect(warnings).toEqual([]);
});

it('gives up after five tries, says so without the secret, and goes on', async () => {
  const { hook, sent, warnings } = hookThat([500, 500, 500, 500, 500, 200]);
  hook.post(noted('spill', 'a', 'first'), AT_MS);
  hook.post(noted('spill', 'b', 'second'), AT_MS);
  await hook.settled();
  expect(sent).toHaveLength(6);
  expect(warnings).toEqual(['an alert could not be posted to http://127.0.0.1:9/hook: it answered 500 (5 tries)']);
});

it('keeps the last hundred while an address does not answer', async () => {
  const { hook, sent } = hookThat([]);
  for (let n = 0; n < 150; n += 1) hook.post(noted('spill', `s${n}`, ''), AT_MS);
  await hook.settled();
  expect(JSON.parse(sent.at(-1) as string).stage).toBe('s149');
  expect(sent.length).toBeLessThanOrEqual(101);
});
