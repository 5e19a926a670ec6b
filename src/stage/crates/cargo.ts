import { execa } from 'execa';
import { mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'smol-toml';
import { replaceFile } from '../../host/files.ts';
import { RennetError } from '../../model/errors.ts';

export interface CargoResult {
  readonly ok: boolean;
  /** Its exit status; undefined where a signal or the time limit ended it. */
  readonly status: number | undefined;
  /** What it said, without progress. */
  readonly said: string;
}

/** What of the operator's cargo configuration counts here: where crates come from and how they are reached; never what it runs. */
const SETTINGS = ['source', 'registries', 'registry', 'http', 'net'] as const;
/** The same of the environment. The others change how cargo builds, or where it keeps things. */
const VARIABLES =
  /^(?:PATH|HOME|RUSTUP_HOME|RUSTUP_TOOLCHAIN|TMPDIR|SSL_CERT_(?:FILE|DIR)|CARGO_(?:HTTP|NET|REGISTRY|REGISTRIES)_\w+|(?:https?|all|no)_proxy)$/i;
const TIMEOUT_MS = 20 * 60_000;

/**
 * Runs the host's cargo with a home of its own (`home`: settings as `writeCargoHome` left them, index, downloads). It stands in `/`, so that no
 * configuration of a folder on the way counts. Does not throw where cargo fails. RennetError `missing-tool`, `cancelled`.
 */
export async function runCargo(args: readonly string[], home: string, signal: AbortSignal): Promise<CargoResult> {
  const kept = Object.entries(process.env).filter(([name]) => VARIABLES.test(name));
  const result = await execa('cargo', args, {
    cwd: '/',
    reject: false,
    extendEnv: false,
    env: {
      // Cargo before 1.70 would clone the whole index with git.
      CARGO_REGISTRIES_CRATES_IO_PROTOCOL: 'sparse',
      ...Object.fromEntries(kept),
      CARGO_HOME: home,
      CARGO_TERM_COLOR: 'never',
      CARGO_TERM_PROGRESS_WHEN: 'never',
      LC_ALL: 'C.UTF-8',
    },
    stdin: 'ignore',
    all: true,
    maxBuffer: 16 * 1024 * 1024,
    timeout: TIMEOUT_MS,
    cancelSignal: signal,
  });
  if (signal.aborted) throw new RennetError('cancelled', 'Fetching crates was cancelled.');
  if (result.code === 'ENOENT')
    throw new RennetError(
      'missing-tool',
      'The build needs crates, which cargo fetches, and this host has no cargo.',
      'Install cargo (on Debian 12 cargo-web, which is younger) and run the same command again.',
    );
  return { ok: result.exitCode === 0, status: result.exitCode, said: result.all };
}

/**
 * Makes or refreshes a private cargo home: the operator's settings about registries, mirrors (`[source]` replacement), proxies and certificates, and a
 * link to their credentials. RennetError `bad-usage` where the operator's file is no TOML.
 */
export async function writeCargoHome(home: string): Promise<void> {
  const operator = process.env['CARGO_HOME'] ?? join(homedir(), '.cargo');
  await mkdir(home, { recursive: true, mode: 0o700 });
  const settings = await readSettings(operator);
  await replaceFile(join(home, 'config.toml'), stringify(settings), 0o600);
  const credentials = join(home, 'credentials.toml');
  await rm(credentials, { force: true });
  await symlink(join(operator, 'credentials.toml'), credentials).catch((error: unknown) => {
    // Another process made the same link.
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  });
}

async function readSettings(operator: string): Promise<Record<string, unknown>> {
  for (const name of ['config', 'config.toml']) {
    const path = join(operator, name);
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    try {
      const all = parse(text);
      return Object.fromEntries(SETTINGS.flatMap((key) => (all[key] === undefined ? [] : [[key, all[key]]])));
    } catch {
      throw new RennetError('bad-usage', `cargo's own settings in ${path} cannot be read.`, 'Mend that file.');
    }
  }
  return {};
}
