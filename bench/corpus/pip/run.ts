import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeJson } from '../../../src/host/files.ts';
import { lockFile } from '../../../src/host/lock.ts';
import { RennetError } from '../../../src/model/errors.ts';
import type { Output } from '../../../src/cli/output.ts';
import { formatDuration } from '../../../src/cli/status-line.ts';
import type { StateFolder } from '../../../src/model/state.ts';
import { formatTarget, type Target } from '../../../src/model/target.ts';
import { readIndexSettings } from '../../../src/python/settings.ts';
import { caseFiles } from '../layout.ts';
import type { ListedProject } from '../list.ts';
import { stepOf } from '../run.ts';
import { type PipBench, tryPip } from './reference.ts';
import { readPipResult } from './result.ts';
import { ensurePipRoot, pipPlace } from './root.ts';
import { pipEnvironment } from './settings.ts';

export interface PipRun {
  readonly target: Target;
  /** Where the results of this target go. */
  readonly folder: string;
  readonly state: StateFolder;
  readonly boundMs: number;
  /** Also those that have a result. */
  readonly again: boolean;
}

const BOUNDS = { memoryMiB: 6144, processes: 512, diskMiB: 20_480 };
/** So many failures of network or host in a row, and the run ends: the rest would fail as well. */
const FAILURES_IN_A_ROW = 3;

/**
 * Tries each project with pip that has no result yet, one after the other. A result of `infrastructure` is none: it is tried again by the next run.
 * Runs upload code with the host's network (see runConfined). RennetError `bad-usage`, `image-failed`, `index-unreachable`, `cancelled`.
 */
export async function runPip(
  list: readonly ListedProject[],
  run: PipRun,
  says: Pick<Output, 'progress' | 'note'>,
  signal: AbortSignal,
): Promise<void> {
  const { target, state, folder } = run;
  await mkdir(folder, { recursive: true });
  await mkdir(state.cache, { recursive: true });
  const environment = pipEnvironment(await readIndexSettings(state.cache, signal), process.env);
  const root = await ensurePipRoot(target, state, says.progress, signal);
  const bench: PipBench = {
    target: formatTarget(target),
    root,
    place: pipPlace(state, target),
    environment,
    bounds: { ...BOUNDS, wallMs: run.boundMs },
  };
  // There is one work folder for a target.
  const lock = await lockFile(join(bench.place, 'run.lock'), signal);
  try {
    await tryAll(list, run, bench, says, signal);
  } finally {
    await lock.release();
  }
}

async function tryAll(
  list: readonly ListedProject[],
  { target, folder, again }: PipRun,
  bench: PipBench,
  says: Pick<Output, 'progress' | 'note'>,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  for (const [index, { project }] of list.entries()) {
    signal.throwIfAborted();
    const files = caseFiles(folder, project);
    const before = await readPipResult(files.pip);
    if (before !== undefined && before.class !== 'infrastructure' && !again) continue;
    says.progress({ doing: stepOf(target, index, list.length, `installing ${project} with pip`) });
    const result = await tryPip(project, bench, files.pipLog, signal);
    await writeJson(files.pip, result);
    says.note(`${project}: ${result.class ?? 'ok'} with pip, ${formatDuration(result.wallSeconds * 1000)}`);
    failures = result.class === 'infrastructure' ? failures + 1 : 0;
    if (failures >= FAILURES_IN_A_ROW)
      throw new RennetError('index-unreachable', `pip does not get through any more: ${result.lastLine}`);
  }
}
