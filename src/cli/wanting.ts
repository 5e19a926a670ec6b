import type { Command } from 'commander';
import type { ProjectRequest } from '../build-closure.ts';
import { findLocalSource, isPath, type LocalSource, localRelease, takeLocalSource } from '../local-source.ts';
import { RennetError } from '../model/errors.ts';
import { normaliseProject } from '../model/project-name.ts';
import { wantedOn } from '../plan/wanted.ts';
import type { PlanPorts } from '../ports.ts';
import { type LocalRelease, withLocal } from '../python/local-index.ts';
import { formatPlace, type RequirementsFiles, readRequirementsFiles } from '../python/requirements-file.ts';
import type { NamedIndex } from '../python/settings.ts';
import { collect } from './options.ts';
import { type ProjectArgument, parseProjectArgument } from './project-argument.ts';
import type { CommandContext } from './run-command.ts';

/** How a person says what is wanted, the same for `build` and `plan`. */
export interface WantingOptions {
  readonly requirement: readonly string[];
  readonly constraint: readonly string[];
  readonly indexUrl?: string;
}

/** What was typed and what it names, before any target is looked at. */
export interface Wanting {
  readonly typed: readonly ProjectArgument[];
  /** Local sources; taken into the state folder once, when that is open. */
  readonly local: () => Promise<readonly LocalSource[]>;
  readonly files: RequirementsFiles;
  readonly index?: NamedIndex;
}

export function withWantingOptions(command: Command): Command {
  return command
    .argument('[project...]', 'PROJECT, PROJECT==VERSION or PROJECT[EXTRA]; a folder, an sdist or a wheel: ./PATH')
    .option('-r, --requirement <file>', "a requirements file of pip's format; may be repeated", collect, [])
    .option('-c, --constraint <file>', 'a file of versions that hold for everything; may be repeated', collect, [])
    .option('--index-url <address>', "the index to use instead of pip's; its login may stand in ~/.netrc");
}

/** Reads arguments and files. RennetError `bad-usage`, `bad-specifier`; `local` rejects as takeLocalSource. */
export async function readWanting(
  names: readonly string[],
  options: WantingOptions,
  { state, output, signal }: CommandContext,
): Promise<Wanting> {
  const typed = names.filter((name) => !isPath(name)).map(parseProjectArgument);
  for (const path of names.filter(isPath)) await findLocalSource(path);
  const files = await readRequirementsFiles([
    ...options.requirement.map((path) => ({ path, asConstraints: false })),
    ...options.constraint.map((path) => ({ path, asConstraints: true })),
  ]);
  if (names.length === 0 && options.requirement.length === 0)
    throw new RennetError('bad-usage', 'Nothing is wanted.', 'Name a project, a ./FOLDER, or a file with -r FILE.');
  for (const note of files.notes) output.note(note);
  const index = namedIndex(options.indexUrl, files);
  const take = async (): Promise<LocalSource[]> => {
    const sources: LocalSource[] = [];
    for (const path of names.filter(isPath)) {
      const source = await takeLocalSource(path, state.cache, signal);
      for (const note of source.notes) output.note(note);
      sources.push(source);
    }
    return sources;
  };
  let taken: Promise<LocalSource[]> | undefined;
  const local = () => (taken ??= take());
  return { typed, local, files, ...(index && { index }) };
}

/** A file's `--index-url` counts as that of the command line does; two that differ are refused, whatever pip would make of them. */
function namedIndex(option: string | undefined, { indexUrl }: RequirementsFiles): NamedIndex | undefined {
  if (indexUrl !== undefined && option !== undefined && indexUrl.url !== option)
    throw new RennetError(
      'bad-usage',
      `${formatPlace(indexUrl.place)} names another index than --index-url; Rennet takes releases from one index only.`,
    );
  if (option !== undefined) return { url: option, place: '--index-url' };
  return indexUrl && { url: indexUrl.url, place: `--index-url in ${formatPlace(indexUrl.place)}` };
}

/** What is wanted of one target, and the ports with its bounds and local sources. */
export interface WantedOfTarget {
  readonly requests: readonly ProjectRequest[];
  readonly ports: PlanPorts;
}

/** `identify` finds name and version of a local source that does not tell them. */
export async function wantedOfTarget(
  { typed, local, files }: Wanting,
  asked: Pick<ProjectRequest, 'forceOfficial' | 'rebuild'>,
  ports: PlanPorts,
  identify: (source: LocalSource) => Promise<{ project: string; version: string }>,
  note: (sentence: string) => void,
): Promise<WantedOfTarget> {
  const releases: LocalRelease[] = [];
  const fromPaths: ProjectArgument[] = [];
  for (const source of await local()) {
    const { name, version: told } = source.told;
    const found = name !== undefined && told !== undefined ? { project: name, version: told } : await identify(source);
    const project = normaliseProject(found.project);
    if (releases.some((release) => release.project === project))
      throw new RennetError('bad-usage', `Two of the paths hold the same project, ${project}.`, 'Give one of them.');
    releases.push(localRelease(source, project, found.version));
    fromPaths.push({ project, specifier: '', extras: source.extras });
  }
  const { wanted, bounds, notes } = wantedOn([...typed, ...fromPaths], files, ports.archive.facts);
  for (const sentence of notes) note(sentence);
  return {
    requests: wanted.map((one) => ({ ...one, ...asked })),
    ports: { ...ports, bounds, index: withLocal(ports.index, releases) },
  };
}
