import { Access } from '@spillway/workers/internal';
import { expect, it } from 'vitest';

const access = new Access(['127.0.0.1:8080', 'localhost:8080']);
const HOST = { host: '127.0.0.1:8080' };
const WITH_TOKEN = { ...HOST, authorization: `Bearer ${access.token}` };

it.each([
  ['the link that was printed', `/?token=${access.token}`, HOST],
  ['its cookie', '/page.js', { ...HOST, cookie: `a=b; spillway=${access.token}; c=d` }],
  ['a bearer token', '/metrics', WITH_TOKEN],
  ['another name of the same machine', `/?token=${access.token}`, { host: 'localhost:8080' }],
  ['the page itself as origin', '/events', { ...WITH_TOKEN, origin: 'http://127.0.0.1:8080' }],
])('lets pass %s', (_, url, headers) => {
  expect(access.refuse({ method: 'GET', url, headers })).toBeUndefined();
});

it.each([
  ['no token', 'GET', '/', HOST, 401],
  ['a wrong token', 'GET', `/?token=${access.token.slice(1)}x`, HOST, 401],
  ['a part of the token', 'GET', `/?token=${access.token.slice(0, 8)}`, HOST, 401],
  ['a cookie of another name', 'GET', '/', { ...HOST, cookie: `xspillway=${access.token}` }, 401],
  ['a name that was made to point here', 'GET', '/', { ...WITH_TOKEN, host: 'evil.example:8080' }, 421],
  ['no host', 'GET', '/', { authorization: WITH_TOKEN.authorization }, 421],
  ['another port', 'GET', '/', { ...WITH_TOKEN, host: '127.0.0.1:80' }, 421],
  ['a page from elsewhere', 'GET', '/events', { ...WITH_TOKEN, origin: 'http://evil.example' }, 403],
  ['writing', 'POST', '/', WITH_TOKEN, 405],
])('refuses %s', (_, method, url, headers, status) => {
  expect(access.refuse({ method, url, headers })).toBe(status);
});

it('has a token of its own each time, in a cookie that scripts cannot read', () => {
  const other = new Access([]);
  expect(other.token).not.toBe(access.token);
  expect(other.token).toMatch(/^[\w-]{32}$/);
  expect(other.cookie()).toBe(`spillway=${other.token}; HttpOnly; SameSite=Strict; Path=/`);
});
