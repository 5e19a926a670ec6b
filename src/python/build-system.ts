import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { RennetError } from '../model/errors.ts';
import { parseRequirement } from './requirement.ts';

/** The `[build-system]` table of pyproject.toml (PEP 517, PEP 518). */
export interface BuildSystem {
  /** `hatchling.build` or `module:object`; undefined means setuptools' legacy back end. */
  readonly backend?: string;
  /** Folders of the sdist that hold the back end itself; relative, inside. */
  readonly backendPath: readonly string[];
  /** PEP 508 strings as written, each one parseable. */
  readonly requires: readonly string[];
}

const folder = z
  .string()
  .max(1024)
  .refine(
    (path) => !path.startsWith('/') && !path.split('/').includes('..') && !/[\\\p{Cc}]/u.test(path),
    'leaves the sdist',
  );

const schema = z.object({
  'build-system': z
    .object({
      requires: z
        .array(z.string(), {
          error: ({ input }) => (input === undefined ? 'it is missing (PEP 518)' : 'it is no list'),
        })
        .max(1000),
      'build-backend': z
        .string()
        .max(200)
        .regex(/^[A-Za-z_][\w.]*(?::[A-Za-z_][\w.]*)?$/)
        .optional(),
      'backend-path': z.array(folder).max(20).optional(),
    })
    .optional(),
});

/** Reads pyproject.toml's build system; undefined where it has none. Throws `bad-metadata` with the line or the key. */
export function readBuildSystem(text: string): BuildSystem | undefined {
  const result = schema.safeParse(parseToml(text));
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new RennetError('bad-metadata', `pyproject.toml has a broken ${issue?.path.join('.')}: ${issue?.message}.`);
  }
  const table = result.data['build-system'];
  if (table === undefined) return undefined;
  for (const requirement of table.requires) parseRequirement(requirement);
  const backend = table['build-backend'];
  return {
    ...(backend !== undefined && { backend }),
    backendPath: table['backend-path'] ?? [],
    requires: table.requires,
  };
}

function parseToml(text: string): unknown {
  try {
    return parse(text, { integersAsBigInt: 'asNeeded' });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '');
    throw new RennetError('bad-metadata', `pyproject.toml is broken at line ${error.line}: ${reason}.`);
  }
}
