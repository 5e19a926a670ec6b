import { parseRelations, type Relation } from '../../debian/relation.ts';
import { normaliseProject } from '../../model/project-name.ts';
import { parseFileName, wheelFits } from '../../python/name.ts';
import { canonicalVersion, compareVersions } from '../../python/version.ts';
import type { OfficialNames } from '../admission.ts';
import { lookAlikes } from '../look-alikes.ts';
import { quoted } from '../../model/text.ts';
import type { RuleContext, WheelRule } from './rule.ts';

/** Wheels are built on the target itself, so any version of the C library that a tag names is the target's or older. */
const ANY_GLIBC = '2.999';

/** Rules on the wheel as a whole, in the order in which they are asked. */
export const WHEEL_RULES: readonly WheelRule[] = [
  {
    name: 'identity',
    verdict: 'reject',
    why: 'project and version of the job, the file name, the dist-info folder and the metadata must agree',
    finds(context) {
      const { recipe } = context;
      const wrong = claimsOf(context).find(
        ({ project, version }) => !sameProject(project, recipe.project) || !sameVersion(version, recipe.version),
      );
      return wrong && `the ${wrong.place} ${quoted(wrong.text)} does not say ${recipe.project} ${recipe.version}`;
    },
  },
  {
    name: 'wheel-version',
    verdict: 'reject',
    why: 'a wheel format of another major version may mean other things by the same bytes (PEP 427)',
    finds: ({ facts }) =>
      /^1\.\d+$/.test(facts.wheelVersion) ? undefined : `its Wheel-Version is ${quoted(facts.wheelVersion)}`,
  },
  {
    name: 'wheel-tag',
    verdict: 'reject',
    why: 'a wheel for another Python, ABI or platform does not run on the target (PEP 425)',
    finds({ wheelName, recipe }) {
      const name = parseFileName(recipe.project, wheelName);
      const place = { python: recipe.target.python, architecture: recipe.target.architecture, glibc: ANY_GLIBC };
      return name.kind === 'wheel' && wheelFits(name.tags, place)
        ? undefined
        : `the tags of ${quoted(wheelName)} do not fit the target`;
    },
  },
  {
    name: 'official-package',
    verdict: 'reject',
    names: true,
    why: 'Rennet never competes with a package of the distribution',
    finds: ({ recipe, official }) =>
      official.hasPackage(recipe.package) ? `the suite itself has a package ${recipe.package}` : undefined,
  },
  {
    name: 'look-alike',
    verdict: 'hold',
    names: true,
    why: 'people are tricked into installing names that read like official ones, so a person has to look',
    finds({ recipe, official }) {
      const twin = lookAlikes(recipe.package).find((name) => official.hasPackage(name));
      return twin && `the name ${recipe.package} looks like the official ${twin}`;
    },
  },
  {
    name: 'prebuilt-binary',
    verdict: 'reject',
    why: 'compiled files are published only when they were compiled from source in a guest',
    finds({ recipe, facts }) {
      const binary = recipe.source.kind === 'wheel' ? facts.files.find((file) => file.elf !== undefined) : undefined;
      return binary && `the upstream wheel carries the compiled file ${quoted(binary.name)}`;
    },
  },
  {
    name: 'shared-library',
    verdict: 'reject',
    why: 'a package depends only on packages of the distribution and on those that Rennet computed',
    finds({ sharedLibraries, official }) {
      const wrong = sharedLibraries.find((text) => !isOfficialRelation(text, official));
      return wrong === undefined ? undefined : `the guest claims the library dependency ${quoted(wrong)}`;
    },
  },
];

/** One relation as dpkg-shlibdeps writes it: no restrictions, and every alternative an official package. */
function isOfficialRelation(text: string, official: Pick<OfficialNames, 'hasPackage'>): boolean {
  try {
    const [alternatives = [], ...more] = parseRelations(text);
    const plain = (relation: Relation) => !relation.qualifier && !relation.architectures && !relation.profiles;
    return (
      more.length === 0 &&
      alternatives.length > 0 &&
      alternatives.every((one) => plain(one) && official.hasPackage(one.package))
    );
  } catch {
    return false;
  }
}

/** Everything that says which release this is. */
function claimsOf({ wheelName, facts, recipe }: RuleContext) {
  const file = parseFileName(recipe.project, wheelName);
  const [, project = '', version = ''] = /^(.+)-([^-]+)\.dist-info$/.exec(facts.distInfo) ?? [];
  const { metadata } = facts;
  return [
    {
      place: 'file name',
      text: wheelName,
      ...(file.kind === 'wheel' ? { project: recipe.project, version: file.version } : { project: '', version: '' }),
    },
    { place: 'dist-info folder', text: facts.distInfo, project, version },
    {
      place: 'metadata',
      text: `${metadata.name} ${metadata.version}`,
      project: metadata.name,
      version: metadata.version,
    },
  ];
}

function sameProject(claimed: string, project: string): boolean {
  return normaliseProject(claimed) === project;
}

/** Old tools wrote the dash of `1.0-1` as an underscore in file and folder names. */
function sameVersion(claimed: string, version: string): boolean {
  const canonical = canonicalVersion(claimed) ?? canonicalVersion(claimed.replaceAll('_', '-'));
  return canonical !== undefined && compareVersions(canonical, version) === 0;
}
