import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { readFile } from 'node:fs/promises';
import { execa } from 'execa';
import type { Command } from 'commander';
import { RennetError } from '../model/errors.ts';
import type { Architecture, Target } from '../model/target.ts';
import { type StateFolder, stateFolder } from '../model/state.ts';

const TARGET = /^([a-z][a-z0-9.-]{1,30})(?:\/([a-z0-9]+))?$/;
const ARCHITECTURES: readonly Architecture[] = ['amd64', 'arm64', 'i386'];

/** Options that every command has. */
export interface CommonOptions {
  readonly json: boolean;
  readonly state?: string;
}

/** Adds the options that every command has. */
export function withCommonOptions(command: Command): Command {
  return command
    .option('--state <dir>', 'state folder (default: RENNET_STATE, /var/lib/rennet for root, ~/.local/share/rennet)')
    .option('--json', 'one JSON object a line on standard output', false);
}

/** The state folder by option, environment and user, in this order. */
export function findState(option: string | undefined): StateFolder {
  const named = option ?? process.env['RENNET_STATE'];
  if (named !== undefined && named !== '') return stateFolder(resolve(named));
  if (process.getuid?.() === 0) return stateFolder('/var/lib/rennet');
  return stateFolder(join(process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local/share'), 'rennet'));
}

/** Reads `bookworm/amd64`; a bare suite means the host's architecture. */
export async function parseTarget(text: string): Promise<Target> {
  const match = TARGET.exec(text);
  const suite = match?.[1];
  const architecture = match?.[2] ?? (await hostArchitecture());
  if (!suite || !isArchitecture(architecture))
    throw new RennetError(
      'bad-target',
      `"${text}" is no target.`,
      `Write SUITE/ARCHITECTURE, for example bookworm/amd64; architectures: ${ARCHITECTURES.join(', ')}.`,
    );
  return { suite, architecture };
}

/** The host's own suite and architecture. */
export async function hostTarget(): Promise<Target> {
  const release = await readFile('/etc/os-release', 'utf8');
  const suite = /^VERSION_CODENAME="?([a-z0-9.-]+)"?$/m.exec(release)?.[1];
  if (!suite)
    throw new RennetError(
      'bad-target',
      'This host does not say which Debian suite it runs (no VERSION_CODENAME in /etc/os-release).',
      'Name the target: --target SUITE/ARCHITECTURE.',
    );
  return parseTarget(suite);
}

async function hostArchitecture(): Promise<string> {
  return (await execa('dpkg', ['--print-architecture'])).stdout.trim();
}

function isArchitecture(text: string): text is Architecture {
  return (ARCHITECTURES as readonly string[]).includes(text);
}
