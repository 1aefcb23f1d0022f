/**
 * Who looks at a dashboard, in a process of its own as a browser is: told an address, it connects, says so, and lets go when it is told to. `page`
 * reads all that it is sent; `crowd` is a thousand connections that ask for nothing, and a page that reads nothing.
 */
import { connect, type Socket } from 'node:net';

/** What it is told: to look at an address in one of two ways, or to let go. */
export type WatchingTask = { how: 'page' | 'crowd'; url: string } | { how: 'leave' };

const CROWD = 1000;
let sockets: Socket[] = [];

function opened(url: URL): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(Number(url.port), url.hostname, () => resolve(socket));
    socket.on('error', () => resolve(socket)); // refused: there are enough
    sockets.push(socket);
  });
}

async function stream(url: URL): Promise<Socket> {
  const socket = await opened(url);
  socket.write(`GET /events${url.search} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`);
  return socket;
}

async function look(how: 'page' | 'crowd', url: URL): Promise<void> {
  const page = await stream(url);
  if (how === 'page') return void page.resume();
  page.pause();
  await Promise.all(Array.from({ length: CROWD }, () => opened(url)));
}

process.on('message', async (task: WatchingTask) => {
  if (task.how === 'leave') {
    for (const socket of sockets) socket.destroy();
    sockets = [];
  } else await look(task.how, new URL(task.url));
  process.send?.(task.how);
});
