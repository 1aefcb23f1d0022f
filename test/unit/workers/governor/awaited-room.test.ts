import { AwaitedRoom } from '@spillway/workers/internal';
import { beforeEach, expect, test } from 'vitest';

const MEBIBYTE = 2 ** 20;
let usedBytes: number;
let couldGive: boolean;
let sleptMs: number;
let nowMs: number;
let asked: { wantedBytes: number; exceptLane: number | undefined }[];
/** What others give back while the lane sleeps. */
let whileAsleep: () => void;

beforeEach(() => {
  usedBytes = 10 * MEBIBYTE;
  couldGive = true;
  sleptMs = 0;
  nowMs = 1_000_000;
  asked = [];
  whileAsleep = () => {};
});

const roomOf = (): AwaitedRoom =>
  new AwaitedRoom({
    pool: {
      arenaBytes: 10 * MEBIBYTE,
      slabBytes: () => usedBytes,
      nameOf: () => 'stage',
      makeRoom: () => false,
      describe: () => 'stage 10 MiB',
      largestStuck: () => ({ name: 'distinct', bytes: 1 }),
    },
    arbiter: {
      isBusy: false,
      couldGive: () => couldGive,
      arbitrate: (wantedBytes, exceptLane) => void asked.push({ wantedBytes, exceptLane }),
    },
    lane: 3,
    now: () => nowMs,
    sleep: (ms) => {
      sleptMs += ms;
      nowMs += ms;
      whileAsleep();
    },
  });

test('there is room as soon as others have given enough, and it was asked of them only', () => {
  whileAsleep = () => void (usedBytes -= MEBIBYTE / 2);
  expect(roomOf().awaitRoom(MEBIBYTE)).toBe(true);
  expect(sleptMs).toBe(4);
  expect(asked).toEqual([
    { wantedBytes: MEBIBYTE, exceptLane: 3 },
    { wantedBytes: MEBIBYTE, exceptLane: 3 },
  ]);
});

test('nobody is waited for without end', () => {
  expect(roomOf().awaitRoom(MEBIBYTE)).toBe(false);
  expect(sleptMs).toBe(500);
});

test('where nobody can give anything it is over soon', () => {
  couldGive = false;
  expect(roomOf().awaitRoom(MEBIBYTE)).toBe(false);
  expect(sleptMs).toBe(20);
});

test('one who waited in vain is refused at once for a while', () => {
  couldGive = false;
  const room = roomOf();
  room.awaitRoom(MEBIBYTE);
  expect(room.awaitRoom(MEBIBYTE)).toBe(false);
  expect(sleptMs).toBe(20);
  nowMs += 200;
  room.awaitRoom(MEBIBYTE);
  expect(sleptMs).toBe(40);
});
