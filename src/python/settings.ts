import { createHash } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../host/files.ts';
import { RennetError } from '../model/errors.ts';
import { readNetrc } from './netrc.ts';
import { isSwitchedOn } from './pip-config.ts';
import { askPip, PYTHONS } from './pip.ts';

/** Where and how the Python index is reached, as pip on this host would do it. */
export interface IndexSettings {
  /** Absolute http(s) address without user name, password and final slash. */
  readonly indexUrl: string;
  /** File with the certificates that take the place of the system's. */
  readonly cert?: string;
  /** Proxy that pip's `proxy` setting names; the usual environment variables count in any case. */
  readonly proxy?: string;
  /** Gives the value of the Authorization header; a function, so that no log and no JSON can hold the password. */
  readonly credentials?: () => string;
  /** Longest silence of the server, in milliseconds. */
  readonly timeoutMs: number;
  /** One sentence for each setting of pip that Rennet does not use. */
  readonly ignored: readonly string[];
}

const KEPT_MS = 24 * 3600_000;
const DEFAULT_TIMEOUT_S = 15;

const Answer = z.object({ config: z.array(z.tuple([z.string(), z.string()])), builtIn: z.string().optional() });
const Kept = z.object({ at: z.number(), watched: z.record(z.string(), z.number()), answer: Answer });
type Answer = z.infer<typeof Answer>;

/**
 * Asks pip itself for the index in force (environment, pip's files, its built-in default). Starting pip costs about a
 * second, so its answer is kept in `cacheFolder` until the environment, one of pip's files or python3 changes.
 * Errors: `missing-tool` (no pip), `bad-usage` (pip's settings name no http(s) index).
 */
export async function readIndexSettings(
  cacheFolder: string,
  signal: AbortSignal,
  named?: NamedIndex,
): Promise<IndexSettings> {
  const answer = (await readKept(cacheFolder)) ?? (await ask(cacheFolder, signal));
  const { username, ...settings } = settingsFrom(new Map(answer.config), answer.builtIn, named);
  if (settings.credentials !== undefined) return settings;
  const login = await readNetrc(new URL(settings.indexUrl).hostname);
  // A user name in the address chooses among the logins of a host, as with pip.
  if (login === undefined || (username !== undefined && username !== login.username))
    return username === undefined ? settings : { ...settings, credentials: basic(username, '') };
  return { ...settings, credentials: basic(login.username, login.password) };
}

/** An index that a person names for one run. */
export interface NamedIndex {
  /** As written; may hold user name and password. */
  readonly url: string;
  /** Where it stands, for sentences: `--index-url`. */
  readonly place: string;
}

/** Turns pip's settings into ours. Pure. */
export function settingsFrom(
  config: ReadonlyMap<string, string>,
  builtIn: string | undefined,
  named?: NamedIndex,
): IndexSettings & { readonly username?: string } {
  if (named === undefined && isSwitchedOn(config.get('no-index'))) {
    throw new RennetError(
      'bad-usage',
      "pip's settings forbid the use of an index (no-index).",
      'Take no-index out of them, or run with PIP_NO_INDEX=0.',
    );
  }
  const written = named?.url ?? config.get('index-url') ?? config.get('pypi-url') ?? builtIn ?? '';
  const url = URL.canParse(written) ? new URL(written) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    const seen = url === undefined ? 'no address' : `a ${url.protocol} address`;
    const whose = named === undefined ? "pip's index-url" : named.place;
    throw new RennetError('bad-usage', `${whose} holds ${seen}; Rennet needs an http(s) index.`);
  }
  const [username, password] = [decoded(url.username), decoded(url.password)];
  url.username = '';
  url.password = '';
  // A query or a fragment of an index has no meaning and may be a token.
  url.search = '';
  url.hash = '';
  const cert = config.get('cert');
  const proxy = config.get('proxy');
  const timeoutS = Number(config.get('timeout') ?? config.get('default-timeout') ?? DEFAULT_TIMEOUT_S);
  return {
    indexUrl: url.href.replace(/\/+$/, ''),
    ...(cert ? { cert } : {}),
    ...(proxy ? { proxy } : {}),
    ...(password ? { credentials: basic(username, password) } : username ? { username } : {}),
    timeoutMs: 1000 * Math.min(300, timeoutS > 0 ? timeoutS : DEFAULT_TIMEOUT_S),
    ignored: ['extra-index-url', 'find-links', 'trusted-host', 'client-cert'].flatMap((name) =>
      config.get(name) ? [IGNORED[name] ?? ''] : [],
    ),
  };
}

// A second source of names lets a stranger's project take the place of an internal one (dependency confusion).
const IGNORED: Readonly<Record<string, string>> = {
  'extra-index-url': "pip's extra-index-url is not used: Rennet takes releases from one index only.",
  'find-links': "pip's find-links is not used: Rennet takes releases from one index only.",
  'trusted-host': "pip's trusted-host is not used: certificates are always checked.",
  'client-cert': "pip's client-cert is not used: Rennet shows no client certificate.",
};

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function basic(username: string, password: string): () => string {
  return () => `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

async function ask(cacheFolder: string, signal: AbortSignal): Promise<Answer> {
  const { config, builtIn, files } = await askPip(PYTHONS, signal);
  const answer: Answer = { config: [...config], ...(builtIn === undefined ? {} : { builtIn }) };
  // Passwords do not go to disk: with one in an address (`user:password@host` is one for a proxy) or a token in its query, pip is asked each time.
  const secret = answer.config.some(([, value]) => /[@?]/.test(value));
  if (!secret) await keep(cacheFolder, answer, files);
  return answer;
}

function keptFile(cacheFolder: string): string {
  const variables = ['HOME', 'PATH', 'VIRTUAL_ENV', 'PYENV_VERSION', 'PYTHONPATH'];
  const environment = Object.entries(process.env)
    .filter(([name]) => name.startsWith('PIP_') || name.startsWith('XDG_') || variables.includes(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const key = createHash('sha256').update(JSON.stringify(environment)).digest('hex').slice(0, 32);
  return join(cacheFolder, 'pip-settings', `${key}.json`);
}

async function readKept(cacheFolder: string): Promise<Answer | undefined> {
  const text = await readFile(keptFile(cacheFolder), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const kept = Kept.parse(JSON.parse(text));
    const age = Date.now() - kept.at;
    if (age < 0 || age > KEPT_MS) return undefined;
    const now = await watch(Object.keys(kept.watched));
    const same = Object.entries(now).every(([path, mtime]) => kept.watched[path] === mtime);
    return same ? kept.answer : undefined;
  } catch {
    return undefined;
  }
}

async function keep(cacheFolder: string, answer: Answer, files: readonly string[]): Promise<void> {
  const paths = [...files, ...configFiles(), ...pythonFiles()];
  const kept = { at: Date.now(), watched: await watch([...new Set(paths)]), answer };
  const file = keptFile(cacheFolder);
  await mkdir(dirname(file), { recursive: true });
  await replaceFile(file, JSON.stringify(kept), 0o600);
}

function configFiles(): string[] {
  const { XDG_CONFIG_HOME: xdg, VIRTUAL_ENV: venv, PIP_CONFIG_FILE: named } = process.env;
  const home = homedir();
  return [
    '/etc/pip.conf',
    '/etc/xdg/pip/pip.conf',
    join(home, '.pip/pip.conf'),
    join(xdg || join(home, '.config'), 'pip/pip.conf'),
    ...(venv ? [join(venv, 'pip.conf')] : []),
    ...(named?.startsWith('/') ? [named] : []),
  ];
}

/** Every `python3` that PATH could give, present or not: one that appears earlier on it counts as a change. */
function pythonFiles(): string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder.startsWith('/'));
  return [...folders.map((folder) => join(folder, 'python3')), '/usr/bin/python3'];
}

/** Times of last change; 0 for what does not exist. */
async function watch(paths: readonly string[]): Promise<Record<string, number>> {
  const times = paths.map(
    async (path) =>
      [
        path,
        await stat(path).then(
          (found) => found.mtimeMs,
          () => 0,
        ),
      ] as const,
  );
  return Object.fromEntries(await Promise.all(times));
}
