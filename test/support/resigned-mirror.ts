import { createHash } from 'node:crypto';
import { access, mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { parseSources } from '../../src/debian/apt-sources.ts';

/** What a source of the mirror has on the day: its index files as they are served, under an index that fits them. */
interface Part {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  readonly files: Map<string, Buffer>;
}

export interface ResignedMirror {
  /** For config.toml. */
  readonly settings: string;
  close(): Promise<void>;
}

/**
 * A mirror on loopback in front of that of the host, for days on which its index files do not fit its signed index (it is in the middle
 * of an update, or behind a cache): the same files, in an index that the test signs itself. Packages come from the host's mirror.
 */
export async function resignedMirror(
  sourcesFile: string,
  suite: string,
  architectures: readonly string[],
  folder: string,
): Promise<ResignedMirror> {
  const key = await makeKey(folder);
  const parts: Part[] = [];
  for (const { uris, suites, components } of parseSources('x.sources', await readFile(sourcesFile, 'utf8')))
    for (const uri of uris)
      for (const name of suites)
        parts.push(await readPart(uri.replace(/\/$/, ''), name, components, architectures, folder, key));
  const server = createServer((request, response) => {
    const [, number = '', path = ''] = /^\/(\d+)\/(.*)$/.exec(request.url ?? '') ?? [];
    const part = parts[Number(number)];
    const file = part?.files.get(path.replace(`dists/${part.suite}/`, ''));
    if (file !== undefined) response.end(file);
    else if (part !== undefined && path.startsWith('pool/'))
      response.writeHead(302, { Location: `${part.uri}/${path}` }).end();
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const settings = parts.map((part, number) =>
    [
      `[[suite.${suite}.source]]`,
      `uris = ["http://127.0.0.1:${port}/${number}"]`,
      `suites = ["${part.suite}"]`,
      `components = ${JSON.stringify(part.components)}`,
      `keyring = "${key.keyring}"`,
      '',
    ].join('\n'),
  );
  return {
    settings: settings.join('\n'),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await execa('gpgconf', ['--homedir', key.home, '--kill', 'all'], { reject: false });
    },
  };
}

export interface TestKey {
  readonly home: string;
  readonly keyring: string;
}

/** A signing key of the test's own, without a passphrase. */
export async function makeKey(folder: string): Promise<TestKey> {
  const home = join(folder, 'gpg');
  await mkdir(home, { recursive: true, mode: 0o700 });
  const gpg = ['--homedir', home, '--batch', '--quiet'];
  await execa('gpg', [
    ...gpg,
    '--passphrase',
    '',
    '--quick-gen-key',
    'Archive <archive@example.org>',
    'ed25519',
    'sign',
    'never',
  ]);
  const keyring = join(folder, 'archive.gpg');
  await execa('gpg', [...gpg, '--output', keyring, '--export']);
  return { home, keyring };
}

/** A Release file in clear signature over index files. */
export async function signRelease(
  fields: Readonly<Record<string, string>>,
  files: ReadonlyMap<string, Buffer>,
  { home }: TestKey,
): Promise<Buffer> {
  const sums: string[] = [];
  for (const [path, bytes] of files) {
    sums.push(` ${createHash('sha256').update(bytes).digest('hex')} ${bytes.length} ${path}`);
    const plain = await plainSum(path, bytes);
    if (plain !== undefined) sums.push(plain);
  }
  const head = Object.entries({ ...fields, Date: new Date().toUTCString() }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  const release = `${[...head, 'SHA256:', ...sums].join('\n')}\n`;
  const { stdout } = await execa('gpg', ['--homedir', home, '--batch', '--clearsign'], { input: release });
  return Buffer.from(`${stdout}\n`);
}

/** apt takes an index file for missing whose plain form Release does not list, whether it is served or not. */
async function plainSum(path: string, bytes: Buffer): Promise<string | undefined> {
  const program = path.endsWith('.gz') ? 'gzip' : path.endsWith('.xz') ? 'xz' : undefined;
  if (program === undefined) return undefined;
  const hash = createHash('sha256');
  let size = 0;
  const child = execa(program, ['-dc'], { input: bytes, buffer: false, encoding: 'buffer' });
  for await (const chunk of child.iterable({ binary: true })) {
    hash.update(chunk);
    size += chunk.length;
  }
  return ` ${hash.digest('hex')} ${size} ${path.replace(/\.\w+$/, '')}`;
}

async function readPart(
  uri: string,
  suite: string,
  components: readonly string[],
  architectures: readonly string[],
  folder: string,
  key: TestKey,
): Promise<Part> {
  const get = async (path: string): Promise<Buffer | undefined> => {
    const place = join(folder, `got-${createHash('sha256').update(`${uri} ${suite} ${path}`).digest('hex')}`);
    // apt's own way: with the proxy and the certificates of the host.
    await execa('/usr/lib/apt/apt-helper', ['download-file', '-q', `${uri}/dists/${suite}/${path}`, place], {
      reject: false,
    });
    return (await access(place).then(
      () => true,
      () => false,
    ))
      ? readFile(place)
      : undefined;
  };
  const told = (await get('InRelease'))?.toString('utf8') ?? '';
  const field = (name: string) => new RegExp(`^${name}: *(.*)$`, 'm').exec(told)?.[1] ?? '';
  if (field('Origin') === '') throw new Error(`the mirror has no index of ${suite}`);
  const files = new Map<string, Buffer>();
  for (const component of components)
    for (const path of architectures
      .flatMap((it) => [`binary-${it}/Packages.xz`, `Contents-${it}.gz`])
      .concat('Contents-all.gz')) {
      const bytes = await get(`${component}/${path}`);
      if (bytes !== undefined) files.set(`${component}/${path}`, bytes);
    }
  const names = ['Origin', 'Label', 'Suite', 'Codename', 'Version', 'Components', 'No-Support-for-Architecture-all'];
  const kept: Record<string, string> = {};
  for (const name of names) if (field(name) !== '') kept[name] = field(name);
  const signed = await signRelease({ ...kept, Architectures: ['all', ...architectures].join(' ') }, files, key);
  return { uri, suite, components, files: files.set('InRelease', signed) };
}
