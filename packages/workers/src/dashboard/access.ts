/**
 * Who may see the dashboard: whoever has the link that was printed. The token in it is checked in constant time, becomes a cookie that scripts cannot
 * read, and is asked for with every request. `Host` has to be an address that the server listens on, so that a page elsewhere whose name is
 * made to point here learns nothing; `Origin`, where one comes, has to be the page's own.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const COOKIE = 'spillway';

export class Access {
  readonly token: string = randomBytes(24).toString('base64url');
  readonly #hosts: ReadonlySet<string>;

  /** @param hosts names and addresses, each with the port, by which the server may be called */
  constructor(hosts: Iterable<string>) {
    this.#hosts = new Set(hosts);
  }

  /** What is wrong with a request: a status, or undefined when it may pass. */
  refuse({ method, headers, url = '/' }: Pick<IncomingMessage, 'method' | 'headers' | 'url'>): number | undefined {
    if (method !== 'GET' && method !== 'HEAD') return 405;
    const { host, origin } = headers;
    if (host === undefined || !this.#hosts.has(host.toLowerCase())) return 421;
    if (origin !== undefined && origin !== `http://${host}`) return 403;
    return this.#hasToken(url, headers.cookie, headers.authorization) ? undefined : 401;
  }

  /** What the answer to the printed link sets. */
  cookie(): string {
    return `${COOKIE}=${this.token}; HttpOnly; SameSite=Strict; Path=/`;
  }

  #hasToken(url: string, cookie = '', authorization = ''): boolean {
    const query = /[?&]token=([\w-]+)/.exec(url)?.[1];
    const kept = new RegExp(`(?:^|; )${COOKIE}=([\\w-]+)`).exec(cookie)?.[1];
    const bearer = /^Bearer ([\w-]+)$/i.exec(authorization)?.[1];
    return [query, kept, bearer].some((given) => given !== undefined && this.#isToken(given));
  }

  #isToken(given: string): boolean {
    const [left, right] = [Buffer.from(given), Buffer.from(this.token)];
    return left.length === right.length && timingSafeEqual(left, right);
  }
}
