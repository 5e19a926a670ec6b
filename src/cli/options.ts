import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { hostArchitecture, hostTarget } from '../debian/apt-host.ts';
import { RennetError } from '../model/errors.ts';
import { ARCHITECTURES, formatTarget, isArchitecture, type Target } from '../model/target.ts';
import { type StateFolder, stateFolder } from '../model/state.ts';

const TARGET = /^([a-z][a-z0-9.-]{1,30})(?:\/([a-z0-9]+))?$/;

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

/** The target that `--target` names, else the host's own; a bare suite means the host's architecture. RennetError `bad-target`. */
export async function chooseTarget(option: string | undefined, signal: AbortSignal): Promise<Target> {
  if (option === undefined) return hostTarget(signal);
  const match = TARGET.exec(option);
  const suite = match?.[1];
  const architecture = match?.[2] ?? (suite ? await hostArchitecture(signal) : '');
  if (!suite || !isArchitecture(architecture))
    throw new RennetError(
      'bad-target',
      `"${option}" is no target.`,
      `Write SUITE/ARCHITECTURE, for example bookworm/amd64; architectures: ${ARCHITECTURES.join(', ')}.`,
    );
  return { suite, architecture };
}

/** The targets of a repeatable `--target`, each once; the host's own where none is named. RennetError `bad-target`. */
export async function chooseTargets(options: readonly string[], signal: AbortSignal): Promise<Target[]> {
  const chosen = options.length === 0 ? [await chooseTarget(undefined, signal)] : [];
  for (const option of options) chosen.push(await chooseTarget(option, signal));
  return [...new Map(chosen.map((target) => [formatTarget(target), target])).values()];
}

/** For options that may be given several times. */
export function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
