import { execa } from 'execa';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ERROR_CATALOGUE, type ErrorCode, RennetError } from '../model/errors.ts';
import { formatTarget } from '../model/target.ts';
import type { AptRoot } from './apt.ts';
import type { DeriveInput, IndexFiles } from './archive-derive.ts';

const MAIN = fileURLToPath(new URL('./archive-derive-main.ts', import.meta.url));
const failure = z.object({
  code: z.custom<ErrorCode>((code) => typeof code === 'string' && code in ERROR_CATALOGUE),
  sentence: z.string(),
  hint: z.string(),
});

/** Derives the index of a root's lists in a process of its own. RennetError `mirror-failed`, `bad-target`, `no-space`, `cancelled`, `defect`. */
export async function buildArchiveIndex(root: AptRoot, files: IndexFiles, signal: AbortSignal): Promise<void> {
  const { inReleases, packages, contents } = await root.lists();
  const release = inReleases.find((path) => path.includes(`_dists_${root.target.suite}_`));
  if (release === undefined || packages.length === 0) {
    throw new RennetError(
      'mirror-failed',
      `There are no package lists of ${formatTarget(root.target)} yet.`,
      'Update them first.',
    );
  }
  // apt takes Contents lists as optional; without them official packages would not be known by what they hold.
  if (!contents.some((path) => path.includes(`_dists_${root.target.suite}_`))) {
    throw new RennetError(
      'mirror-failed',
      `The mirror has no Contents list of ${formatTarget(root.target)}, without which nobody can tell which projects the suite provides.`,
      'Use a mirror that carries Contents files.',
    );
  }
  await mkdir(join(root.folder, 'index'), { recursive: true });
  const dhPython = await fetchDhPython(root, signal);
  const input: DeriveInput = {
    target: root.target,
    tag: root.settings.tag,
    release,
    packages,
    contents,
    dhPython,
    files,
  };
  // A small young generation: nearly everything dies at once, and the peak falls by 40 MiB.
  const result = await execa(process.execPath, ['--max-semi-space-size=4', MAIN], {
    input: JSON.stringify(input),
    reject: false,
    cancelSignal: signal,
  });
  if (signal.aborted) throw new RennetError('cancelled', 'Reading the archive index was cancelled.');
  if (result.exitCode !== 0) throw deriveFailure(root, result.stderr);
}

async function fetchDhPython(root: AptRoot, signal: AbortSignal): Promise<string> {
  const closure = await root.closure(['dh-python'], join(root.folder, 'state/status'), signal);
  const wanted = closure.filter((deb) => deb.package === 'dh-python');
  const [path = ''] = await root.fetch(wanted, join(root.folder, 'cache/debs'), () => undefined, signal);
  return path;
}

function deriveFailure(root: AptRoot, stderr: string): RennetError {
  const where = `the archive index of ${formatTarget(root.target)}`;
  if (stderr.includes('ENOSPC'))
    return new RennetError('no-space', `There is no space for ${where}.`, 'Free some 200 MB in the state folder.');
  if (stderr.startsWith('{')) {
    const { code, sentence, hint } = failure.parse(JSON.parse(stderr));
    return new RennetError(code, sentence, hint);
  }
  const line = stderr.split('\n').find((text) => /^\w*Error\b/.test(text)) ?? stderr.slice(0, 300);
  return new RennetError('defect', `Deriving ${where} failed: ${line}`, 'Run it again; report it if it stays.');
}
