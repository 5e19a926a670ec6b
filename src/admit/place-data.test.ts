import { expect, it } from 'vitest';
import { RECIPE } from '../model/testing/curd.ts';
import { placeFile } from './place.ts';
import { shapeOf } from './shape.ts';
import { OFFICIAL } from './testing/evidence.ts';
import type { WheelFacts } from './wheel-report.ts';

const facts = {
  files: ['curd/__init__.py', 'whey/__init__.py', 'curd_extra.py', 'tests/x.py', 'google/curd.py'].map((name) => ({
    name,
    mode: 0,
  })),
  distInfo: 'curd-1.0.dist-info',
  scripts: [{ name: 'curdle', module: 'curd', attribute: 'main' }],
  namespaces: [],
} as unknown as WheelFacts;
const context = {
  recipe: RECIPE,
  wheelName: '',
  facts,
  shape: shapeOf(facts, RECIPE, OFFICIAL),
  sharedLibraries: [],
  official: OFFICIAL,
  published: new Map<string, string>(),
};

it.each([
  ['share/curd/a.css', '/usr/share/curd/a.css'],
  ['share/Curd_Extra/deep/a.css', '/usr/share/Curd_Extra/deep/a.css'],
  ['share/whey/a.css', '/usr/share/python3-curd/a.css: /usr/share/whey belongs to whey-common'],
  ['share/man/man1/curdle.1', '/usr/share/man/man1/curdle.1.gz'],
  ['share/man/de/man8/curdle-all.8', '/usr/share/man/de/man8/curdle-all.8.gz'],
  ['share/man/man5/curdle.conf.5', '/usr/share/man/man5/curdle.conf.5.gz'],
  ['share/man/de/man5/curd.conf.5.gz', '/usr/share/man/de/man5/curd.conf.5.gz'],
  ['man/man3/curd.3py', '/usr/share/man/man3/curd.3py.gz: manual pages are in share/man'],
  ['share/applications/org.example.Curd.desktop', '/usr/share/applications/org.example.Curd.desktop'],
  ['share/icons/hicolor/48x48/apps/curd.png', '/usr/share/icons/hicolor/48x48/apps/curd.png'],
  ['share/appdata/curd.appdata.xml', '/usr/share/metainfo/curd.appdata.xml: AppStream has moved there'],
  ['share/locale/pt_BR/LC_MESSAGES/curd.mo', '/usr/share/locale/pt_BR/LC_MESSAGES/curd.mo'],
  ['share/jupyter/kernels/curd/kernel.json', '/usr/share/jupyter/kernels/curd/kernel.json'],
  ['share/bash-completion/completions/curdle', '/usr/share/bash-completion/completions/curdle'],
  [
    'etc/bash_completion.d/curdle-completion.bash',
    '/usr/share/bash-completion/completions/curdle: completions are loaded from there when they are needed',
  ],
  ['share/fish/completions/curdle.fish', '/usr/share/fish/vendor_completions.d/curdle.fish'],
  ['share/doc/curd-1.0/guide.txt', '/usr/share/doc/python3-curd/guide.txt'],
  ['README.md', '/usr/share/doc/python3-curd/README.md: documents of a package are there'],
  [
    'etc/jupyter/jupyter_server_config.d/curd.json',
    '/usr/share/doc/python3-curd/examples/etc/jupyter/jupyter_server_config.d/curd.json: an example: /etc and services are for the administrator to set up',
  ],
  [
    'lib/systemd/system/curd.service',
    '/usr/share/doc/python3-curd/examples/lib/systemd/system/curd.service: an example: /etc and services are for the administrator to set up',
  ],
  ['bin/curd-run', '/usr/bin/curd-run'],
])('%s goes to %s', (rest, expected) => {
  const place = placeFile(`curd-1.0.data/data/${rest}`, context);
  expect('path' in place ? [place.path, ...(place.note ? [place.note] : [])].join(': ') : place).toBe(expected);
});

it.each([
  'share/tests/x',
  'share/google/x',
  'share/icons/gnome/48x48/apps/curd.png',
  'share/jupyter/lab/settings/page_config.json',
  'share/man/man1/curdle.2',
  'share/man/man1/curd.1',
  'share/man/man1/whey.1',
  'share/man/man3/whey.3',
  'share/man/de/man5/curd-official.conf.5',
  'share/man/man5/sudoers.5',
  'share/man/man1/sub/curdle.1',
  'share/applications/deep/curd.desktop',
  'share/fish/completions/fish.fish',
  'share/bash-completion/completions/curdle-other',
  'share/locale/de/LC_MESSAGES/other.mo',
  'share/locale/de/LC_MESSAGES/curd_extra.mo',
  'share/locale/de/LC_MESSAGES/curdle.mo',
  'curd.conf',
  'lib/x',
  'sbin/x',
])('%s is left out', (rest) => {
  expect(placeFile(`curd-1.0.data/data/${rest}`, context)).toMatchObject({ rule: 'data-place' });
});

it('texts of a domain of the distribution are left out in every language, whatever the project is called', () => {
  const recipe = { ...RECIPE, project: 'coreutils', package: 'python3-coreutils' };
  const name = 'curd-1.0.data/data/share/locale/en/LC_MESSAGES/coreutils.mo';
  expect(placeFile(name, { ...context, recipe })).toMatchObject({ rule: 'data-place' });
});

it("share/doc is nobody's own", () => {
  const recipe = { ...RECIPE, project: 'doc' };
  const place = placeFile('curd-1.0.data/data/share/doc/apt/copyright', {
    ...context,
    recipe,
    shape: shapeOf(facts, recipe, OFFICIAL),
  });
  expect(place).toMatchObject({ rule: 'data-place' });
});

it('folders stop being namespaces below a regular package', () => {
  const inits = {
    'a/__init__.py': undefined,
    'a/b/__init__.py': 'namespace',
    'c/__init__.py': 'namespace',
    'c/d/__init__.py': 'namespace',
  };
  const files = Object.entries(inits).map(([name, init]) => ({
    name,
    mode: 0,
    ...(init && { init }),
  })) as WheelFacts['files'];
  const more = [
    { name: 'curd-1.0.data/purelib/e/f/__init__.py', mode: 0, init: 'namespace' as const },
    { name: 'listed/__init__.py', mode: 0, init: 'nothing' as const },
    { name: 'coded/__init__.py', mode: 0 },
    { name: 'google/__init__.py', mode: 0, init: 'nothing' as const },
    { name: 'mine/__init__.py', mode: 0, init: 'nothing' as const },
  ];
  const { namespaces } = shapeOf(
    { ...facts, files: [...files, ...more], namespaces: ['listed', 'coded'] },
    RECIPE,
    OFFICIAL,
  );
  expect([...namespaces].toSorted()).toEqual(['c', 'c/d', 'e/f', 'google', 'listed']);
});
