import { execa } from 'execa';
import { RennetError } from '../model/errors.ts';
import { parseConfigFiles, parseDefaultIndex, parsePipConfig } from './pip-config.ts';

/** The `python3` of PATH, else Debian's own, whichever has pip. */
export const PYTHONS = ['python3', '/usr/bin/python3'];

/** What pip on this host says of itself. */
export interface PipAnswer {
  /** Settings in force for `pip install`, by name. */
  readonly config: ReadonlyMap<string, string>;
  /** The index that it uses where no setting names one; undefined where its help does not tell. */
  readonly builtIn: string | undefined;
  /** Configuration files that it reads, present or not. */
  readonly files: readonly string[];
}

/**
 * Asks the first of these interpreters that has pip. RennetError `missing-tool` where none has, or where pip does not
 * run.
 */
export async function askPip(pythons: readonly string[], signal: AbortSignal): Promise<PipAnswer> {
  const python = await findPythonWithPip(pythons, signal);
  const [config, help, debug] = await Promise.all([
    runPip(python, ['config', 'list'], signal),
    runPip(python, ['install', '--help'], signal),
    // Not in every pip; without it the usual places are watched.
    runPip(python, ['config', 'debug'], signal).catch(() => ''),
  ]);
  return { config: parsePipConfig(config), builtIn: parseDefaultIndex(help), files: parseConfigFiles(debug) };
}

async function findPythonWithPip(pythons: readonly string[], signal: AbortSignal): Promise<string> {
  const program = 'import importlib.util as u, sys; sys.exit(u.find_spec("pip") is None)';
  for (const python of pythons) {
    const found = await execa(python, ['-c', program], {
      cwd: '/',
      reject: false,
      cancelSignal: signal,
      stdin: 'ignore',
    });
    signal.throwIfAborted();
    if (!found.failed) return python;
  }
  throw new RennetError(
    'missing-tool',
    "No pip for python3 on this host; Rennet reads the index from pip's settings.",
    'apt-get install python3-pip',
  );
}

async function runPip(python: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  // The root as working folder: `python3 -m` would start a `pip.py` of the current one. A wide terminal: no wrapped
  // addresses.
  const run = await execa(python, ['-m', 'pip', '--disable-pip-version-check', '--no-color', ...args], {
    cwd: '/',
    env: { COLUMNS: '4000' },
    reject: false,
    cancelSignal: signal,
    stdin: 'ignore',
    timeout: 60_000,
  });
  signal.throwIfAborted();
  if (!run.failed) return run.stdout;
  const line = run.stderr.trim().split('\n').at(-1) ?? '';
  throw new RennetError(
    'missing-tool',
    `pip on this host does not run: ${line.replaceAll(/:\/\/[^/\s]*@/g, '://')}`,
    'Mend it, or apt-get install python3-pip.',
  );
}
