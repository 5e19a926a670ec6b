import { changelogText } from '../debian/changelog.ts';
import { type SourceFields, writeSourceControl } from '../debian/source-control.ts';
import { RennetError } from '../model/errors.ts';
import { plainText } from '../model/text.ts';
import type { Layout } from './layout.ts';

export interface DebianFolder {
  readonly fields: SourceFields;
  readonly project: string;
  readonly release: string;
  readonly suite: string;
  readonly epoch: number;
  readonly copyright: string;
  /** Variables that tell build back ends the version: there is no git history. */
  readonly environment: Readonly<Record<string, string>>;
  readonly layout: Layout;
  /** Projects of the package's requirements and the Debian packages that they are. */
  readonly packages: readonly { readonly project: string; readonly package: string }[];
  /** Sentences for the one who takes the package over. */
  readonly notes: readonly string[];
}

export interface FolderFile {
  /** `debian/control` */
  readonly name: string;
  readonly text: string;
  readonly mode: 0o644 | 0o755;
}

/** The files of `debian/`. All that upstream wrote of it went through a writer that checks it. Errors: `defect`. */
export function debianFolder(folder: DebianFolder): FolderFile[] {
  const { fields, layout } = folder;
  const overrides = folder.packages.map((each) => `${each.project} ${each.package}\n`).join('');
  const files: Readonly<Record<string, string>> = {
    'README.source': readme(folder),
    changelog: changelogText({
      package: fields.source,
      version: fields.version,
      suite: folder.suite,
      changes: [
        `Packaging made automatically from release ${folder.release} of the project`,
        `${folder.project} on PyPI by Rennet.`,
      ],
      maintainer: fields.maintainer,
      epoch: folder.epoch,
    }),
    control: writeSourceControl(fields),
    copyright: folder.copyright,
    'left-out': lines(layout.removed),
    moved: lines(layout.moved.map(({ from, to }) => `${from}\t${to}`)),
    'py3dist-overrides': overrides,
    rules: rules(folder),
    'source/format': '3.0 (quilt)\n',
    // What setuptools writes into the tree during a build is no change of the source.
    'source/options': 'extend-diff-ignore = "^[^/]*[.]egg-info/"\n',
  };
  return Object.entries(files)
    .filter(([, text]) => text !== '')
    .map(([name, text]) => ({ name: `debian/${name}`, text, mode: name === 'rules' ? 0o755 : 0o644 }));
}

function lines(paths: readonly string[]): string {
  const unsafe = paths.find((path) => /[\p{Cc}]/u.test(path.replace('\t', '')) || !path.startsWith('usr/'));
  if (unsafe !== undefined) throw new RennetError('defect', `The source package would name ${JSON.stringify(unsafe)}.`);
  return paths.map((path) => `${path}\n`).join('');
}

/** debian/rules: dh with pybuild, then the files as Rennet's package has them. Names of files never stand in it. */
function rules({ fields, environment, layout }: DebianFolder): string {
  const name = fields.binary.get('Package') ?? '';
  const variables = Object.entries(environment).map(([variable, value]) => {
    if (!/^[A-Z_0-9]+$/.test(variable) || !/^[\w.+!-]*$/.test(value))
      throw new RennetError('defect', `The variable ${JSON.stringify(variable)} may not stand in debian/rules.`);
    return `export ${variable} = ${value}\n`;
  });
  const steps = [
    ...(layout.removed.length > 0 ? [`\tcd debian/${name} && xargs --delimiter='\\n' rm -rf -- <../left-out`] : []),
    ...(layout.moved.length > 0
      ? [
          `\tcd debian/${name} && while IFS="$$(printf '\\t')" read -r from to; do \\`,
          `\t\tmkdir -p -- "$$(dirname -- "$$to")" && mv -- "$$from" "$$to" || exit 1; \\`,
          '\tdone <../moved',
        ]
      : []),
    ...(layout.removed.length + layout.moved.length > 0 ? [`\tfind debian/${name}/usr -type d -empty -delete`] : []),
  ];
  return `#!/usr/bin/make -f

export PYBUILD_NAME = ${name.replace(/^python3-/, '')}
# Wheels as Rennet makes them, for releases without a pyproject.toml as well.
export PYBUILD_SYSTEM = pyproject
# Upstream's tests may need more than Build-Depends names.
export PYBUILD_DISABLE = test
${variables.join('')}
%:
	dh $@ --with python3 --buildsystem=pybuild
${steps.length === 0 ? '' : `\nexecute_after_dh_python3:\n${steps.join('\n')}\n`}`;
}

function readme({ fields, project, release, notes, layout }: DebianFolder): string {
  const paragraphs = [
    `This folder was made by Rennet from release ${release} of the project ${project}. It builds the package that Rennet built from the same release, with debhelper and pybuild.`,
    'Before it goes to Debian: give it a maintainer, a changelog entry and a Debian revision of its own, read debian/copyright against the source, write the description anew, add debian/watch, and enable the tests (PYBUILD_DISABLE in debian/rules).',
    ...(layout.removed.length > 0
      ? ['debian/left-out names what the build installs and the package does not ship; debian/rules removes it.']
      : []),
    ...(layout.moved.length > 0
      ? ['debian/moved names what lies elsewhere in the package than the build puts it.']
      : []),
    `The mark Provides: pypi-dist-${project} of Rennet's own package ${fields.binary.get('Package') ?? ''} was left out.`,
    ...notes,
  ];
  return `${paragraphs.map((text) => wrap(plainText(text).replaceAll('\n', ' '))).join('\n\n')}\n`;
}

function wrap(text: string): string {
  let line = '';
  const done: string[] = [];
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length > 78) {
      done.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...done, line].join('\n');
}
