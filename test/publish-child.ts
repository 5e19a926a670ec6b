import { readFile } from 'node:fs/promises';
import { stateFolder } from '../src/model/state.ts';
import { type ArchiveRow, publishArchive } from '../src/publish/publish.ts';

/** Publishes the rows in a JSON file; kills itself when the named step is done. Arguments: state root, rows, step. */
const [, , root = '', rowsFile = '', killAfter = ''] = process.argv;
const rows = JSON.parse(await readFile(rowsFile, 'utf8')) as ArchiveRow[];
try {
  await publishArchive(
    {
      state: stateFolder(root),
      suite: 'bookworm',
      architectures: ['amd64'],
      rows,
      now: new Date(),
      onStep: (step) => {
        if (step === killAfter) process.kill(process.pid, 'SIGKILL');
      },
    },
    new AbortController().signal,
  );
} catch (error) {
  process.stdout.write(`${(error as { code?: string }).code ?? String(error)}\n`);
  process.exitCode = 1;
}
