import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { AdmittedFile } from '../model/evidence.ts';
import type { Kept } from './judge.ts';
import { launcherText } from './launcher.ts';
import type { Spooled } from './reader/spool.ts';
import { interpreterOf, rewriteShebang } from './shebang.ts';

/**
 * Turns a kept member into a file of the package. Only launchers, scripts and manual pages change: what is executable is
 * Rennet's decision, everything else goes over byte for byte. `folder` takes the files that Rennet writes anew.
 */
export async function takeOver(kept: Kept, spooled: Spooled | undefined, folder: string): Promise<AdmittedFile> {
  const { path, file, launcher } = kept;
  if (launcher) return written(path, 0o755, Buffer.from(launcherText(launcher)), folder);
  if (!spooled) throw new Error(`no content for ${path}`);
  if (kept.kind === 'script' && file.shebang !== undefined) {
    const script = rewriteShebang(await readFile(spooled.path), interpreterOf(file.shebang) ?? '');
    return written(path, 0o755, script, folder);
  }
  if (kept.kind === 'data' && MANUAL_PAGE.test(path))
    return written(path, 0o644, compressedPage(await readFile(spooled.path)), folder);
  return { path, mode: modeOf(kept), bytes: spooled.bytes, sha256: spooled.sha256, content: spooled.path };
}

const MANUAL_PAGE = /^\/usr\/share\/man\/.+\.gz$/;
const MAX_PAGE_BYTES = 32 * 1024 * 1024;

/**
 * Policy 12.1: manual pages are compressed with `gzip -9n`: no time and no name in the header, so the same page gives the same bytes.
 * One that is compressed already is done again; what cannot be unpacked counts as the page itself.
 */
function compressedPage(content: Buffer): Buffer {
  let page = content;
  try {
    page = gunzipSync(content, { maxOutputLength: MAX_PAGE_BYTES });
  } catch {
    // Plain text, or broken.
  }
  return gzipSync(page, { level: 9 });
}

/** Programs below a package's folder keep their executable bit when they can be run at all; modules never need one. */
function modeOf({ kind, path, file }: Kept): AdmittedFile['mode'] {
  if (kind === 'script') return 0o755;
  const program = file.elf
    ? !('malformed' in file.elf) && file.elf.interpreter !== undefined
    : file.shebang !== undefined;
  return (file.mode & 0o100) !== 0 && program && !path.endsWith('.py') ? 0o755 : 0o644;
}

async function written(path: string, mode: AdmittedFile['mode'], bytes: Buffer, folder: string): Promise<AdmittedFile> {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const content = join(folder, `${createHash('sha256').update(path).digest('hex')}.written`);
  await writeFile(content, bytes, { mode: 0o600 });
  return { path, mode, bytes: bytes.length, sha256, content };
}
