import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const CPU_SECONDS = 240;
const HEAP_MIB = 1024;
/** `nobody`: owns nothing. */
const UID = '65534';
const ONLY_READING = '-all,+dac_read_search';

/**
 * The command that reads a wheel. As root the process becomes nobody; of all capabilities it keeps CAP_DAC_READ_SEARCH,
 * because checkout and state may lie below a folder like /root that nobody can enter. What it may read is bounded by
 * Node's permission model, what it may write by the kernel too (docs/decisions/0003-admission-process.md).
 */
export async function readerCommand(wheel: string): Promise<string[]> {
  const main = fileURLToPath(new URL('main.ts', import.meta.url));
  const root = dirname(dirname(dirname(dirname(main))));
  const modules = join(root, 'node_modules');
  const readable = [wheel, join(root, 'package.json'), join(root, 'src'), modules, await realpath(modules)];
  const isRoot = process.getuid?.() === 0;
  const network = isRoot && (await canLeaveNetwork()) ? ['unshare', '--net', '--'] : [];
  const limits = ['prlimit', `--cpu=${CPU_SECONDS}`, '--core=0', '--fsize=0', '--nofile=256', '--'];
  const nobody = ['--reuid', UID, '--regid', UID, '--clear-groups'];
  const rights = ['--bounding-set', ONLY_READING, '--inh-caps', ONLY_READING, '--ambient-caps', ONLY_READING];
  // The parent-death signal comes last: a change of uid clears it.
  const user = ['setpriv', '--no-new-privs', ...(isRoot ? [...nobody, ...rights] : []), '--pdeathsig', 'KILL', '--'];
  const node = [process.execPath, '--permission', '--no-warnings', `--max-old-space-size=${HEAP_MIB}`];
  const reading = readable.map((path) => `--allow-fs-read=${path}`);
  return [...network, ...limits, ...user, ...node, ...reading, '--disallow-code-generation-from-strings', main, wheel];
}

/** Node's permission model leaves the network open (until 25), so the kernel closes it where root may; some containers forbid that. */
async function canLeaveNetwork(): Promise<boolean> {
  const { failed } = await execa('unshare', ['--net', 'true'], { reject: false, stdio: 'ignore' });
  return !failed;
}
