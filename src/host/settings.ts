import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { parse } from 'smol-toml';
import { z } from 'zod';
import { RennetError } from '../model/errors.ts';
import type { StateFolder } from '../model/state.ts';
import { ARCHITECTURES } from '../model/target.ts';

const MAX_BYTES = 1024 * 1024;
const SUITE = /^[a-z][a-z0-9.-]{1,30}$/;
const text = (pattern: RegExp, what: string) =>
  z.string().regex(pattern, { error: ({ input }) => `${JSON.stringify(input)} is no ${what}` });
const filled = <T extends z.ZodType>(item: T) =>
  z.array(item).min(1, 'an empty list says nothing; leave it out').max(50);
const absolutePath = z
  .string()
  .refine((path) => isAbsolute(path) && /^[\x21-\x7e]+$/.test(path), 'must be an absolute path without spaces');

const sourceSchema = z.strictObject({
  uris: filled(text(/^(https?:\/\/|file:\/)[\x21-\x7e]{1,1000}$/, 'address of a mirror (http, https or file)')),
  /** The suite and its parts, such as `noble-updates`; the suite itself where left out. */
  suites: filled(text(/^[a-z][a-z0-9./-]{1,60}$/, 'name of a suite')).optional(),
  components: filled(text(/^[a-z][a-z0-9./-]{0,60}$/, 'component')).default(['main']),
  keyring: absolutePath,
  /** All where left out: Ubuntu keeps arm64 on another mirror than amd64. */
  architectures: filled(z.enum(ARCHITECTURES)).optional(),
});

const kernelName = text(/^linux-image-[a-z0-9][a-z0-9.+-]{1,80}$/, 'kernel package (linux-image-…)');
const suiteSchema = z.strictObject({
  /** Goes into package versions: `ubuntu24.04`. What the archive says of itself where left out. */
  tag: text(/^[a-z]{2,20}[0-9][0-9.]{0,10}$/, 'suite tag (letters, then a number, such as ubuntu24.04)').optional(),
  source: z.array(sourceSchema).max(50).default([]),
  /** The meta package of the kernel, by the machine's architecture. */
  kernel: z.strictObject({ amd64: kernelName.optional(), arm64: kernelName.optional() }).default({}),
  /** `as-served`: Contents lists that do not fit the signed index are used all the same. Packages never are. */
  contents: z.enum(['signed', 'as-served']).default('signed'),
  /** A file with a file system that holds a whole mirror, for `--prerequisites mirror`. */
  'mirror-disk': absolutePath.optional(),
});

const settingsSchema = z.strictObject({
  database: z.strictObject({ url: z.string().optional() }).default({}),
  suite: z.record(text(SUITE, 'name of a suite'), suiteSchema).default({}),
});

export type SuiteSettings = z.infer<typeof suiteSchema>;
/** Of a suite that config.toml does not name. */
export const PLAIN_SUITE: SuiteSettings = suiteSchema.parse({});
export type Settings = z.infer<typeof settingsSchema>;

/** config.toml of the state folder; what stands nowhere has its default. RennetError `bad-usage` that names file and key. */
export async function readSettings({ settingsFile }: Pick<StateFolder, 'settingsFile'>): Promise<Settings> {
  const toml = await readFile(settingsFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw refused(settingsFile, error.code ?? error.message);
  });
  if (toml.length > MAX_BYTES) throw refused(settingsFile, 'it is larger than 1 MiB');
  return parseSettings(toml, settingsFile);
}

/** What config.toml says of a suite; the defaults where it says nothing. RennetError `bad-usage`. */
export async function suiteSettings(state: Pick<StateFolder, 'settingsFile'>, suite: string): Promise<SuiteSettings> {
  return (await readSettings(state)).suite[suite] ?? PLAIN_SUITE;
}

/** `path` is for sentences. RennetError `bad-usage`. Pure. */
export function parseSettings(toml: string, path: string): Settings {
  let read: unknown;
  try {
    read = parse(toml);
  } catch (error) {
    throw refused(path, (error as Error).message.split('\n')[0] ?? '');
  }
  const parsed = settingsSchema.safeParse(read);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = (issue?.path ?? []).map(String);
  if (issue?.code === 'unrecognized_keys')
    throw refused(path, `${[...place, issue.keys[0] ?? ''].join('.')} is no known key`);
  const inKey = issue?.code === 'invalid_key' ? issue.issues[0]?.message : issue?.message;
  throw refused(path, `${place.join('.')}: ${inKey ?? ''}`);
}

const refused = (path: string, why: string): RennetError =>
  new RennetError(
    'bad-usage',
    `${path} cannot be read as settings: ${why.replace(/\.$/, '')}.`,
    'docs/operations.md says what may stand in it.',
  );
