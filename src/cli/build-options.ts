import { type Command, InvalidArgumentError, Option } from 'commander';
import { join, resolve } from 'node:path';
import { RennetError } from '../model/errors.ts';
import {
  type Channel,
  type DriverName,
  PREREQUISITES,
  type Prerequisites,
  RESET_STRATEGIES,
  type ResetStrategy,
} from '../model/machine.ts';
import type { Target } from '../model/target.ts';
import { collect, type CommonOptions } from './options.ts';
import type { CommandContext } from './run-command.ts';

/** How things are built, the same for every command that builds. */
export interface BuildOptions extends CommonOptions {
  readonly target: readonly string[];
  readonly jobs?: number;
  readonly overcommit: boolean;
  readonly driver: DriverName;
  readonly reset: ResetStrategy;
  readonly channel: Channel;
  readonly prerequisites: Prerequisites;
  readonly accelerator: 'auto' | 'kvm' | 'tcg';
  readonly warm: number;
  readonly allowUnisolated: boolean;
  readonly hints?: string;
  readonly tests: boolean;
  readonly source: boolean;
  readonly output?: string;
}

export function withBuildOptions(command: Command): Command {
  return command
    .option('--target <target>', 'suite/architecture (default: the host); may be repeated', collect, [])
    .option('--jobs <number>', 'how many are built at once (default: what this host has room for)', parseJobs)
    .option('--overcommit', 'run more guests at once than this host has memory for at worst', false)
    .addOption(new Option('--driver <driver>', 'what the guests are').choices(['qemu', 'namespace']).default('qemu'))
    .addOption(
      new Option(
        '--reset <strategy>',
        'how a guest starts clean: a clone of a booted machine (memory), or a boot with an overlay in memory, a delta file, a copy of the disk',
      )
        .choices(RESET_STRATEGIES)
        .default('memory'),
    )
    .addOption(
      new Option('--channel <name>', 'how job and result travel: folders, or HTTP at an address inside the guest')
        .choices(['folder', 'service'])
        .default('folder'),
    )
    .addOption(
      new Option(
        '--prerequisites <how>',
        "how official packages come into a build: unpacked layers, apt-get in the guest, or apt-get from your own mirror's disk",
      )
        .choices(PREREQUISITES)
        .default('layers'),
    )
    .addOption(new Option('--accelerator <name>', 'what QEMU runs on').choices(['auto', 'kvm', 'tcg']).default('auto'))
    .option('--warm <number>', 'how many restored guests wait for the next jobs, of each image', parseWarm, 0)
    .option('--allow-unisolated', 'publish what the namespace driver built, without any isolation', false)
    .option('--hints <file>', 'another hints file than hints.toml of the state folder')
    .option('--tests', "run upstream's tests in a third guest and report them; builds again what is published", false)
    .option('--source', 'write a Debian source package as well; builds again what is published', false)
    .option('--output <folder>', 'where source packages go (default: sources/SUITE of the state folder)');
}

/** RennetError `not-isolated`, `bad-usage`. `isPrivate`: what is built is kept, not published. */
export function checkBuildOptions(options: BuildOptions, isPrivate: boolean): void {
  if (options.driver === 'namespace' && !options.allowUnisolated && !isPrivate)
    throw new RennetError(
      'not-isolated',
      'The namespace driver isolates nothing, so what it builds is not published.',
      'Use --driver qemu, or say --allow-unisolated.',
    );
  if (options.driver === 'namespace' && options.prerequisites === 'mirror')
    throw new RennetError(
      'bad-usage',
      'The namespace driver has no disks, so that its guests see no mirror.',
      'Use --driver qemu, or --prerequisites apt.',
    );
  if (options.output !== undefined && !options.source)
    throw new RennetError(
      'bad-usage',
      '--output says where source packages go, and none were asked for.',
      'Add --source.',
    );
}

/** People take the files from there: the folder is theirs, or one of the state folder. */
export function sourceFolder(
  { source, output }: BuildOptions,
  target: Target,
  { state }: CommandContext,
): string | undefined {
  if (!source) return undefined;
  return output === undefined ? join(state.sources, target.suite) : resolve(output);
}

function parseJobs(text: string): number {
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= 500) return jobs;
  throw new InvalidArgumentError('Give a number from 1 to 500.');
}

function parseWarm(text: string): number {
  const guests = Number(text);
  if (Number.isInteger(guests) && guests >= 0 && guests <= 16) return guests;
  throw new InvalidArgumentError('Give a number from 0 to 16.');
}
