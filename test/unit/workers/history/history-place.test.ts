import { historyPlace } from '@spillway/workers/internal';
import { expect, it } from 'vitest';

it('is under the state folder of the user', () => {
  expect(historyPlace(undefined, { XDG_STATE_HOME: '/state', HOME: '/home/a' })?.folder).toBe('/state/spillway/runs');
});

it('is under .local/state where no state folder is named, or a relative one', () => {
  const expected = { folder: '/home/a/.local/state/spillway/runs', isGiven: false };
  expect(historyPlace(undefined, { HOME: '/home/a' })).toEqual(expected);
  expect(historyPlace(undefined, { HOME: '/home/a', XDG_STATE_HOME: 'state' })).toEqual(expected);
});

it('is the folder of the environment, and before that the one of the option', () => {
  const env = { SPILLWAY_HISTORY: 'runs', HOME: '/home/a' };
  expect(historyPlace(undefined, env, '/project')).toEqual({ folder: '/project/runs', isGiven: true });
  expect(historyPlace('mine', env, '/project')).toEqual({ folder: '/project/mine', isGiven: true });
});

it.each(['off', 'OFF', 'no', '0', 'false', 'none'])('is nowhere when the environment says %s', (word) => {
  expect(historyPlace(undefined, { SPILLWAY_HISTORY: word, HOME: '/home/a' })).toBeUndefined();
});

it('is nowhere when the option says so', () => {
  expect(historyPlace(false, { SPILLWAY_HISTORY: '/runs' })).toBeUndefined();
});
