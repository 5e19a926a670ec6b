import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { RennetError } from '../../model/errors.ts';
import type { StateFolder } from '../../model/state.ts';
import { type Freshness, runProtocol } from '../protocol.ts';
import { writeInputDisk } from './input-disk.ts';
import { restoreDevices } from './migration.ts';
import { withMachine } from './template-boot.ts';
import type { OpenTemplate, TemplateRequest } from './template-record.ts';

const READY_MS = 30_000;
const LIMITS = { wallMs: 60_000, idleMs: 30_000, processes: 200, outputFiles: 1, outputBytes: 1e6, logBytes: 1e6 };
const WHEEL = 'trial-1-py3-none-any.whl';
/** Builds an empty wheel. */
const BACKEND = `import os, zipfile
def build_wheel(folder, *_): zipfile.ZipFile(os.path.join(folder, '${WHEEL}'), 'w').close(); return '${WHEEL}'
`;
const JOB = {
  protocol: 1,
  id: 'trial',
  kind: 'build',
  project: 'trial',
  version: '1',
  source: 'trial.tar',
  backend: { name: 'backend', path: ['.'], requires: [] },
  layers: [],
  offered: [],
  environment: {},
};

/**
 * Starts one clone and lets it do a whole job by the real protocol: the smallest possible build. RennetError `template-failed` when
 * anything but that wheel comes of it, or random bytes that `freshness` has seen from a clone before; `cancelled`.
 */
export async function tryClone(
  template: OpenTemplate,
  request: TemplateRequest,
  state: StateFolder,
  freshness: Freshness,
  signal: AbortSignal,
): Promise<void> {
  const { image, shape } = request;
  const limits = { ...LIMITS, memoryMiB: shape.memoryMiB, cpus: shape.cpus };
  await withMachine(
    request,
    state,
    template.open(),
    'clone',
    writeTrial,
    async (machine, _place, folder) => {
      if (machine.qmp === undefined) throw new RennetError('defect', 'A clone was started without a monitor.');
      const spool = join(folder, 'spool');
      await mkdir(spool);
      restoreDevices(machine.qmp).catch(() => machine.destroy());
      const report = await runProtocol(
        machine.streams,
        { id: 'trial', image, reset: 'memory', input: folder, spool, limits },
        { readyMs: READY_MS, freshness, destroy: machine.destroy },
        signal,
      );
      if (signal.aborted) throw new RennetError('cancelled', 'Trying the template was stopped.');
      const name = (await readFile(report.output)).toString('latin1', 0, WHEEL.length);
      if (report.result?.status === 'ok' && report.result.files === 1 && name === WHEEL) return;
      const said = [report.sentence, JSON.stringify(report.result?.facts ?? {}), machine.complaints()].join(' ');
      throw new RennetError('template-failed', `A clone of the new template failed its trial. ${said.slice(0, 400)}`);
    },
    signal,
  );
}

/** The input disk of the trial, in the slot's folder. */
async function writeTrial(folder: string, signal: AbortSignal): Promise<string> {
  const input = join(folder, 'trial');
  await mkdir(input);
  const tar = pack();
  tar.entry({ name: 'trial-1/backend.py' }, BACKEND);
  tar.finalize();
  await writeFile(join(input, JOB.source), await buffer(tar));
  await writeFile(join(input, 'job.json'), JSON.stringify(JOB));
  return writeInputDisk(input, folder, signal);
}
