import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { execa } from 'execa';
import { RennetError } from '../model/errors.ts';

/** What a guest needs to reach its root, its channels and its input disk; ext4 is built into Debian's cloud kernel or comes as a module. */
export const WANTED_MODULES = [
  'virtio_mmio',
  'virtio_blk',
  'virtio_console',
  'virtio_rng',
  'ext4',
  'overlay',
  'squashfs',
] as const;

/** Loaded where the kernel has it: an interface that leads nowhere, for the service's address; on the loopback where there is none. */
export const OPTIONAL_MODULES = ['dummy'] as const;

export interface KernelModule {
  readonly name: string;
  readonly content: Buffer;
}

/**
 * Reads the wanted modules, the optional ones that are there, and what they depend on, in the order in which insmod takes them. A name that has no file is
 * built into the kernel when `builtin` lists it. The kernel's package holds no modules.dep (its postinst makes it), so
 * dependencies come from each module's own `.modinfo`.
 */
export async function readModules(
  files: readonly string[],
  builtin: readonly string[],
  wanted: readonly string[] = WANTED_MODULES,
  optional: readonly string[] = OPTIONAL_MODULES,
): Promise<readonly KernelModule[]> {
  const paths = new Map(files.map((path) => [moduleName(path), path]));
  const inKernel = new Set(builtin.map(moduleName));
  const ordered: KernelModule[] = [];
  const seen = new Set<string>();
  const visit = async (name: string): Promise<void> => {
    if (seen.has(name)) return;
    seen.add(name);
    const path = paths.get(name);
    if (path === undefined) {
      if (inKernel.has(name)) return;
      throw new RennetError(
        'image-failed',
        `The kernel package has no module ${name}, which a guest needs.`,
        'Name a kernel package that has it in [suite.NAME.kernel] of config.toml (docs/operations.md, "Suites and architectures").',
      );
    }
    const content = await decompress(path);
    for (const dependency of moduleDependencies(content)) await visit(dependency);
    ordered.push({ name, content });
  };
  for (const name of [...wanted, ...optional.filter((it) => paths.has(it))]) await visit(name);
  return ordered;
}

/** Names in the `depends=` string of a module's `.modinfo` section, hyphens as underscores. Pure. */
export function moduleDependencies(content: Buffer): readonly string[] {
  const key = Buffer.from('\0depends=');
  const at = content.indexOf(key);
  if (at < 0) return [];
  const start = at + key.length;
  const text = content.toString('latin1', start, content.indexOf(0, start));
  return text === '' ? [] : text.split(',').map((name) => name.replaceAll('-', '_'));
}

function moduleName(path: string): string {
  return basename(path)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');
}

async function decompress(path: string): Promise<Buffer> {
  const bytes = await readFile(path);
  if (path.endsWith('.xz')) {
    const { stdout } = await execa('xz', ['--decompress', '--stdout'], { input: bytes, encoding: 'buffer' });
    return Buffer.from(stdout);
  }
  if (path.endsWith('.zst')) return zstdDecompressSync(bytes);
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}
