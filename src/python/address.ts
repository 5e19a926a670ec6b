import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { callbackify } from 'node:util';
import { RennetError } from '../model/errors.ts';

const LOOPBACK = blockList(['127.0.0.0/8', '::1/128']);
/** Networks that are not the Internet: RFC 1918, 6598, 3927, 4193, 4291 and "this host". */
const PRIVATE = blockList([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '::/128',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
]);

export function isLoopbackHost(host: string): boolean {
  const name = bare(host);
  return name === 'localhost' || name.endsWith('.localhost') || contains(LOOPBACK, name);
}

function isPrivateHost(host: string): boolean {
  return isLoopbackHost(host) || contains(PRIVATE, bare(host));
}

/** Address without what must not be printed: user name, password, signed query, fragment. */
export function printable(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

/**
 * Keeps an index on the Internet from sending this host to its own network: names that resolve to private addresses
 * are refused unless the index itself stands in one.
 */
export interface AddressGuard {
  /**
   * Refuses other schemes than http(s), http where the index is https, and private addresses; drops user name and
   * password.
   */
  check(url: URL): Promise<URL>;
  /** For `node:http`: resolves a name under the same rule, so that no second look-up can answer otherwise. */
  readonly lookup: LookupFunction;
}

export function guardAddresses(indexUrl: string): AddressGuard {
  const { hostname: indexHost, protocol: indexProtocol } = new URL(indexUrl);
  let indexIsPrivate: Promise<boolean> | undefined;
  const mayBePrivate = (host: string): Promise<boolean> => {
    if (bare(host) === bare(indexHost)) return Promise.resolve(true);
    indexIsPrivate ??= standsInPrivate(indexHost);
    return indexIsPrivate;
  };
  return {
    async check(url) {
      if (url.protocol !== 'https:' && url.protocol !== 'http:') {
        throw new RennetError(
          'bad-index-page',
          `The index names an address with the scheme ${url.protocol}; only http and https are used.`,
        );
      }
      if (isPrivateHost(url.hostname) && !(await mayBePrivate(url.hostname))) throw refusal(url.hostname);
      if (indexProtocol === 'https:' && url.protocol === 'http:' && !isLoopbackHost(url.hostname)) {
        throw new RennetError('index-refused', `The index leads from https to ${url.origin}; that is refused.`);
      }
      const clean = new URL(url);
      clean.username = '';
      clean.password = '';
      return clean;
    },
    lookup(hostname, options, callback) {
      const family = options.family === 4 || options.family === 6 ? options.family : 0;
      callbackify(resolve)(hostname, family, mayBePrivate, (error, addresses) => {
        const first = addresses?.[0];
        if (error !== null) callback(error, '', 0);
        else if (options.all === true || first === undefined) callback(null, addresses);
        else callback(null, first.address, first.family);
      });
    },
  };
}

async function resolve(
  hostname: string,
  family: 0 | 4 | 6,
  mayBePrivate: (host: string) => Promise<boolean>,
): Promise<LookupAddress[]> {
  const addresses = await lookup(hostname, { all: true, family });
  const leadsInside = addresses.some(({ address }) => contains(PRIVATE, address));
  if (leadsInside && !(await mayBePrivate(hostname))) throw refusal(hostname);
  return addresses;
}

async function standsInPrivate(host: string): Promise<boolean> {
  if (isPrivateHost(host) || isIP(bare(host)) !== 0) return isPrivateHost(host);
  // An index whose name cannot be resolved is no reason to let its files lead inside.
  const addresses = await lookup(host, { all: true }).catch(() => []);
  return addresses.some(({ address }) => contains(PRIVATE, address));
}

function refusal(host: string): RennetError {
  return new RennetError(
    'index-refused',
    `The index sends this host to ${host}, an address of a private network; that is refused.`,
    'Use an index that stands in the same network.',
  );
}

function bare(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}

function contains(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix = ''] = network.split('/');
    list.addSubnet(address, Number(prefix), address.includes(':') ? 'ipv6' : 'ipv4');
  }
  return list;
}
