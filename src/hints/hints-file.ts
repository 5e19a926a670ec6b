import { readFile } from 'node:fs/promises';
import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { RennetError } from '../model/errors.ts';
import { isProjectName, normaliseProject } from '../model/project-name.ts';
import { isSpecifier } from '../python/version.ts';
import { isBuildRequirement, isModuleName, isPackageName, isRunRelation } from './words.ts';

/** One `[project.NAME]` of the operator's hints file. */
export interface FileHint {
  /** PEP 503 normalised. */
  readonly project: string;
  /** PEP 440; empty for all versions. */
  readonly specifier: string;
  /** Empty for all suites. */
  readonly suites: readonly string[];
  readonly buildPackages: readonly string[];
  readonly buildRequirements: readonly string[];
  readonly depends: readonly string[];
  readonly imports?: readonly string[];
  readonly testCommand?: string;
}

const MAX_BYTES = 4 * 1024 * 1024;

const list = (is: (text: string) => boolean, what: string) =>
  z
    .array(z.string().refine(is, { error: ({ input }) => `${JSON.stringify(input)} is no ${what}` }))
    .min(1, 'an empty list says nothing; leave it out')
    .max(200);

const entrySchema = z.strictObject({
  specifier: z.string().refine(isSpecifier, 'is no version specifier (PEP 440)').optional(),
  suites: list((text) => /^[a-z][a-z0-9.-]{1,30}$/.test(text), 'suite').optional(),
  'build-depends': list(isPackageName, 'name of a Debian package').optional(),
  'build-requires': list(isBuildRequirement, 'requirement (PEP 508, without an address)').optional(),
  depends: list(isRunRelation, 'relation on one Debian package').optional(),
  imports: list(isModuleName, 'name of a module').optional(),
  'test-command': z
    .string()
    .regex(/^[^\p{Cc}]{1,1000}$/u, 'must be one line')
    .optional(),
});
const fileSchema = z.strictObject({
  project: z.record(z.string(), z.union([entrySchema, z.array(entrySchema).min(1)])).default({}),
});

/**
 * Reads the operator's hints file; none where there is no such file, unless `mustBeThere`. RennetError `bad-usage` with the line
 * for what is no TOML, unknown keys and values that cannot be. Never a file of an upstream.
 */
export async function readHintsFile(path: string, mustBeThere = false): Promise<readonly FileHint[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' && !mustBeThere) return '';
    const why = error.code === 'ENOENT' ? 'there is no such file' : (error.code ?? error.message);
    throw new RennetError('bad-usage', `The hints file ${path} cannot be read: ${why}.`);
  });
  if (text.length > MAX_BYTES) throw new RennetError('bad-usage', `The hints file ${path} is larger than 4 MiB.`);
  return parseHints(text, path);
}

/** `path` is for sentences. Pure. */
export function parseHints(text: string, path: string): readonly FileHint[] {
  const refuse = (line: number | undefined, why: string) =>
    new RennetError(
      'bad-usage',
      `The hints file ${path}${line === undefined ? '' : `, line ${line},`} is refused: ${why}.`,
      'docs/operations.md, "Hints", says what may stand in it.',
    );
  const toml = parseToml(text, refuse);
  const parsed = fileSchema.safeParse(toml);
  if (!parsed.success) {
    const [issue] = flatten(parsed.error.issues);
    const place = issue?.path.map(String) ?? [];
    const key = issue?.code === 'unrecognized_keys' ? (issue.keys[0] ?? '') : '';
    const why =
      key === '' ? `${place.join('.')}: ${issue?.message ?? ''}` : `${[...place, key].join('.')} is no known key`;
    throw refuse(lineOf(text, key === '' ? place : [...place, key]), why);
  }
  return Object.entries(parsed.data.project).flatMap(([name, entries]) => {
    if (!isProjectName(name))
      throw refuse(lineOf(text, ['project', name]), `"${name.slice(0, 80)}" is no project name`);
    return [entries].flat().map(
      (entry): FileHint => ({
        project: normaliseProject(name),
        specifier: entry.specifier ?? '',
        suites: entry.suites ?? [],
        buildPackages: entry['build-depends'] ?? [],
        buildRequirements: entry['build-requires'] ?? [],
        depends: entry.depends ?? [],
        ...(entry.imports === undefined ? {} : { imports: entry.imports }),
        ...(entry['test-command'] === undefined ? {} : { testCommand: entry['test-command'] }),
      }),
    );
  });
}

function parseToml(text: string, refuse: (line: number | undefined, why: string) => RennetError): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [why = ''] = error.message.replace(/^Invalid TOML document: /, '').split('\n');
    throw refuse(error.line, `it is no TOML (${why})`);
  }
}

type Issue = z.core.$ZodIssue;

/** An entry is a table or a list of tables; the complaint of the form that was meant says most. */
function flatten(issues: readonly Issue[]): Issue[] {
  return issues.flatMap((issue) => {
    if (issue.code !== 'invalid_union') return [issue];
    const inner = issue.errors.map((errors) => flatten(errors)).toSorted((a, b) => depth(b) - depth(a));
    return (inner[0] ?? []).map((found) => ({ ...found, path: [...issue.path, ...found.path] }));
  });
}

const depth = (issues: readonly Issue[]): number =>
  Math.max(0, ...issues.map(({ path, code }) => path.length + (code === 'unrecognized_keys' ? 1 : 0)));

/** The line where the last named thing of a path stands, looked for below the one before; 1-based. */
function lineOf(text: string, path: readonly string[]): number | undefined {
  const lines = text.split('\n');
  let found: number | undefined;
  for (const name of path.filter((part) => !/^\d+$/.test(part))) {
    const next = lines.findIndex((line, index) => index >= (found ?? 0) && line.includes(name));
    if (next !== -1) found = next;
  }
  return found === undefined ? undefined : found + 1;
}
