import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('what is made can be read by guests and apt, whatever the umask of the caller', async () => {
  const tellUmask = `process.on('exit', () => console.error('umask ' + process.umask().toString(8)))`;
  const main = fileURLToPath(new URL('main.ts', import.meta.url));
  const command = `umask 077; exec "$0" --import "data:text/javascript,$1" "$2" stop --help`;
  const words = ['-c', command, process.execPath, encodeURIComponent(tellUmask), main];
  expect((await promisify(execFile)('sh', words)).stderr).toContain('umask 22\n');
});
