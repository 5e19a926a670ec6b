import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { UnpackedDeb } from './deb-layers.ts';
import { exists } from './folders.ts';

/**
 * Writes the layer that tells dpkg of packages that were unpacked beside it: their stanzas in `var/lib/dpkg/status`, their
 * lists of files and what dpkg-shlibdeps reads of libraries. dpkg in the guest then judges relations as on a real system.
 */
export async function writeStatusLayer(
  imageStatus: string,
  unpacked: readonly UnpackedDeb[],
  layer: string,
): Promise<void> {
  const info = join(layer, 'var/lib/dpkg/info');
  await mkdir(info, { recursive: true });
  const status = mergeStatus(
    await readFile(imageStatus, 'utf8'),
    unpacked.map(({ control }) => control),
  );
  await writeFile(join(layer, 'var/lib/dpkg/status'), status);
  for (const { control, list, tree } of unpacked) {
    await writeFile(join(info, `${identity(control)}.list`), list);
    for (const name of ['shlibs', 'symbols']) {
      const file = join(tree, '../control', name);
      if (await exists(file)) await copyFile(file, join(info, `${identity(control)}.${name}`));
    }
  }
}

/** The image's status file with these packages as installed; a newer version takes the place of the image's. Pure. */
export function mergeStatus(status: string, controls: readonly string[]): string {
  const fresh = new Map(controls.map((control) => [identity(control), installed(control)]));
  const kept = status
    .split(/\n\n+/)
    .filter((stanza) => stanza.trim() !== '' && !fresh.has(identity(stanza)))
    .map((stanza) => stanza.trimEnd());
  return `${[...kept, ...fresh.values()].join('\n\n')}\n`;
}

function installed(control: string): string {
  return control.trimEnd().replace(/^Package:.*$/m, (line) => `${line}\nStatus: install ok installed`);
}

/** dpkg tells packages of one name apart by architecture only where they may stand beside each other. */
function identity(stanza: string): string {
  return isCoinstallable(stanza)
    ? `${field(stanza, 'Package')}:${field(stanza, 'Architecture')}`
    : field(stanza, 'Package');
}

function isCoinstallable(stanza: string): boolean {
  return field(stanza, 'Multi-Arch') === 'same';
}

function field(stanza: string, name: string): string {
  return new RegExp(`^${name}:[ \t]*(.*)$`, 'mi').exec(stanza)?.[1]?.trim() ?? '';
}
