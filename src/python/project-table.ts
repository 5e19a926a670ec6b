import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { RennetError } from '../model/errors.ts';
import { isProjectName, normaliseProject } from '../model/project-name.ts';
import { parseMetadata } from './metadata.ts';
import { parseRequirement } from './requirement.ts';
import { canonicalVersion } from './version.ts';

/** What files of a source folder say of it without running a line of its code. */
export interface StaticProject {
  /** As written. */
  readonly name?: string;
  /** PEP 440 normal form. */
  readonly version?: string;
  readonly requiresPython?: string;
  /** Core metadata that holds for every wheel of it; absent where only a build can tell. */
  readonly metadata?: Uint8Array;
}

/** The texts of the files that tell, as far as they are there. */
export interface ProjectTexts {
  readonly pyproject?: string;
  readonly pkgInfo?: Buffer;
  readonly setupCfg?: string;
  readonly hasSetupPy: boolean;
}

const line = z
  .string()
  .max(4096)
  .regex(/^\P{Cc}*$/u);
const table = z.object({
  name: line,
  version: line.optional(),
  dynamic: z.array(line).default([]),
  'requires-python': line.optional(),
  dependencies: z.array(line).max(20_000).default([]),
  'optional-dependencies': z.record(line, z.array(line).max(20_000)).default({}),
});
const schema = z.object({
  project: table.optional(),
  tool: z.object({ poetry: z.object({ name: line, version: line }).partial().optional() }).optional(),
  'build-system': z.object({ 'build-backend': z.string().optional() }).optional(),
});

/**
 * Reads name, version and requirements where they are static: PKG-INFO (the folder is an unpacked sdist), `[project]` (PEP 621), poetry's own table, or
 * setup.cfg where no setup.py could say otherwise. Empty where only a build can tell. RennetError `bad-metadata` where pyproject.toml is broken.
 */
export function readStaticProject({ pyproject, pkgInfo, setupCfg, hasSetupPy }: ProjectTexts): StaticProject {
  if (pkgInfo !== undefined) {
    const { name, version, requiresPython } = parseMetadata(pkgInfo);
    return { name, version, ...(requiresPython !== undefined && { requiresPython }), metadata: pkgInfo };
  }
  const read = pyproject === undefined ? {} : readPyproject(pyproject);
  if (read.project !== undefined) return fromProjectTable(read.project);
  const { poetry } = read.tool ?? {};
  // Other back ends around poetry's (dynamic versioning) change what stands there.
  if (poetry !== undefined && read['build-system']?.['build-backend'] === 'poetry.core.masonry.api')
    return named(poetry.name, poetry.version);
  if (setupCfg !== undefined && !hasSetupPy) return fromSetupCfg(setupCfg);
  return {};
}

function readPyproject(text: string): z.infer<typeof schema> {
  let content: unknown;
  try {
    content = parse(text, { integersAsBigInt: 'asNeeded' });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '');
    throw new RennetError('bad-metadata', `pyproject.toml is broken at line ${error.line}: ${reason}.`);
  }
  const result = schema.safeParse(content);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new RennetError('bad-metadata', `pyproject.toml has a broken ${issue?.path.join('.')}: ${issue?.message}.`);
}

function fromProjectTable(project: z.infer<typeof table>): StaticProject {
  const { dynamic, 'requires-python': requiresPython } = project;
  const known = named(project.name, dynamic.includes('version') ? undefined : project.version);
  const told = { ...known, ...(requiresPython !== undefined && { requiresPython }) };
  const leavesOpen = dynamic.some((field) => /^(?:optional-)?dependencies$|^requires-python$/.test(field));
  if (known.version === undefined || leavesOpen) return told;
  const lines = [
    'Metadata-Version: 2.2',
    `Name: ${project.name}`,
    `Version: ${known.version}`,
    ...(requiresPython === undefined ? [] : [`Requires-Python: ${requiresPython}`]),
    ...project.dependencies.map((text) => `Requires-Dist: ${text}`),
    ...Object.entries(project['optional-dependencies']).flatMap(([extra, texts]) => [
      `Provides-Extra: ${normaliseProject(extra)}`,
      ...texts.map((text) => `Requires-Dist: ${forExtra(text, extra)}`),
    ]),
    '',
  ];
  return { ...told, metadata: Buffer.from(lines.join('\n')) };
}

/** `foo>=1; python_version < "3.11"` of the extra bar, as back ends write it. */
function forExtra(text: string, extra: string): string {
  const condition = `extra == "${normaliseProject(extra)}"`;
  const { marker, url } = parseRequirement(text);
  if (marker === undefined) return `${text}${url === undefined ? '' : ' '}; ${condition}`;
  const at = url === undefined ? text.indexOf(';') : text.search(/\s;/) + 1;
  return `${text.slice(0, at)}; (${text.slice(at + 1).trim()}) and ${condition}`;
}

/** `[metadata]` of setup.cfg; `attr:` and `file:` are for the build to follow. */
function fromSetupCfg(text: string): StaticProject {
  const section = /^\[metadata\][^\S\n]*\n((?:(?!\[).*(?:\n|$))*)/m.exec(text.replaceAll('\r\n', '\n'))?.[1] ?? '';
  const value = (key: string) => new RegExp(`^${key}[^\\S\\n]*[=:][^\\S\\n]*(\\S+)[^\\S\\n]*$`, 'm').exec(section)?.[1];
  return named(value('name'), value('version'));
}

function named(name: string | undefined, version: string | undefined): StaticProject {
  const canonical = version === undefined ? undefined : canonicalVersion(version);
  return {
    ...(name !== undefined && isProjectName(name) && { name }),
    ...(canonical !== undefined && { version: canonical }),
  };
}
