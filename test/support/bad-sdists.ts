import {
  bad,
  type BadRelease,
  beside,
  hook,
  odd,
  packing,
  pkgInfo,
  sdist,
  setup,
  setupPy,
  toml,
  wheel,
  zipped,
} from './bad-releases.ts';

const info = (project: string, more?: string, version?: string) =>
  sdist({ files: { 'PKG-INFO': pkgInfo(project, more, version) } });
const PURE = 'py3-none-any';
const LINUX = 'cp311-cp311-manylinux2014_x86_64';
const FAILS = hook("raise ValueError('no')");
const ELF = { 'a.so': Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01', 'latin1'), Buffer.alloc(200)]) };
const LONG = `${'long/'.repeat(40)}${'n'.repeat(200)}`;

/** What the host reads of a release before any guest is asked. */
export const BAD_SDISTS: readonly BadRelease[] = [
  odd('no PKG-INFO', sdist({ files: { 'PKG-INFO': undefined } })),
  odd('latin and NUL', (name) =>
    sdist({ files: { 'PKG-INFO': Buffer.from(pkgInfo(name, 'Author: J\u00fcrgen\nKeywords: a\0b\n'), 'latin1') } })(
      name,
    ),
  ),
  bad(
    'latin wheel',
    packing("files[[*files][1]] = files[[*files][1]].encode() + b'Author: J\\xfcrgen\\n'"),
    'rejected metadata',
    /is not UTF-8/,
  ),
  bad(
    '10 MB',
    (name) => info(name, `\n${'text '.repeat(2_000_000)}`)(name),
    'rejected bad-archive',
    /PKG-INFO' of 10\d+ bytes, 8388608 are allowed/,
  ),
  bad(
    'other name',
    info('other'),
    'build-failed bad-metadata',
    /The sdist of bad-other-name 1\.0 says inside that it is other 1\.0\.$/,
  ),
  bad(
    'other version',
    (name) => info(name, '', '2.0')(name),
    'build-failed bad-metadata',
    /says inside that it is bad-other-version 2\.0\.$/,
  ),
  odd('Legal.Spelling', (name) =>
    sdist({
      version: '1.0.0',
      metadata: ['Summary: A'],
      files: { 'PKG-INFO': pkgInfo('Bad_legal.Spelling', '', '1.0.0.0') },
      filename: 'Bad.Legal_Spelling-1.0.tar.gz',
    })(name),
  ),
  odd(
    'dash version',
    sdist({ version: '1.0.post1', metadataVersion: '2.1', filename: 'bad-dash-version-1.0-1.tar.gz' }),
  ),
  bad(
    'local version',
    sdist({ version: '1.0+d2024', files: { 'PKG-INFO': undefined }, filename: 'bad-local-version-1.0.tar.gz' }),
    'rejected identity',
    /1\.0\+d2024/,
  ),
  bad(
    'two tops',
    sdist({ more: [{ name: '/other/b' }] }),
    'rejected bad-archive',
    /'other\/b' outside of its top folder/,
  ),
  bad('no top', sdist({ top: '' }), 'rejected bad-archive', /outside of its top folder/),
  odd(
    'other top and inner link and long path',
    sdist({
      top: 'source/',
      more: [
        { name: 'docs/README', type: '2', target: '../PKG-INFO' },
        { name: 'x', pax: { path: `source/${LONG}` } },
      ],
    }),
  ),
  bad(
    'outer link',
    sdist({ more: [{ name: 'a', type: '2', target: '/etc/passwd' }] }),
    'rejected bad-archive',
    /the link .* outside of its top folder/,
  ),
  bad('traversal', sdist({ more: [{ name: '/../a' }] }), 'rejected bad-archive', /the unsafe name '\.\.\/a'/),
  bad(
    'device',
    sdist({ more: [{ name: 'a', type: '3' }] }),
    'rejected bad-archive',
    /which is no file, directory or link/,
  ),
  bad(
    'sparse',
    sdist({ more: [{ name: 'a', type: 'S' }] }),
    'rejected bad-archive',
    /which is no file, directory or link/,
  ),
  bad(
    'many files',
    sdist({ more: Array.from({ length: 100_001 }, (_, at) => ({ name: `f/${at}` })) }),
    'rejected bad-archive',
    /more than 100000 entries/,
  ),
  bad(
    'no setup',
    sdist({ files: { 'pyproject.toml': undefined } }),
    'build-failed missing-file',
    /neither pyproject\.toml nor setup\.py/,
  ),
  bad('broken toml', toml('[build-system\n'), 'build-failed bad-metadata', /pyproject\.toml is broken at line 1/),
  bad(
    'no requires',
    toml('[build-system]\nbuild-backend = "backend"\n'),
    'build-failed bad-metadata',
    /broken build-system\.requires/,
  ),
  bad(
    'odd requires',
    toml('[build-system]\nrequires = ["a b c"]\n'),
    'build-failed bad-metadata',
    /requirement "a b c"/,
  ),
  bad(
    'no back end',
    toml('[build-system]\nrequires = []\nbuild-backend = "nonesuch.api"\n'),
    'build-failed missing-module',
    /imports nonesuch, which the release does not declare/,
  ),
  bad(
    'no build requirement',
    toml('[build-system]\nrequires = ["nonesuch-backend"]\n'),
    'unsatisfiable',
    /cannot be built: .*nonesuch-backend/,
  ),
  odd('zip', zipped),
  bad(
    'bz2',
    () => ({ 'bad-bz2-1.0.tar.bz2': Buffer.from('BZh9') }),
    'no-source',
    /has one file, which cannot be read: "bad-bz2-1\.0\.tar\.bz2", \.tar\.bz2 files are not read/,
  ),
];

/** Releases without an sdist, or with one that does not build. */
export const BAD_SOURCES: readonly BadRelease[] = [
  odd(
    'imports what it requires',
    setupPy(`import bad_imports_what_it_requires\n${setup('install_requires=["bad-only-wheel"]')}`, {
      'bad_imports_what_it_requires.py': 'import bad_only_wheel\n',
      'x.egg-info/requires.txt': 'bad-only-wheel\n',
    }),
  ),
  bad(
    'only wheel',
    wheel(PURE),
    'published',
    /; it is made from upstream's wheel, because the release has no sdist\.$/,
  ),
  bad(
    'only binary',
    beside(wheel(LINUX), wheel('cp311-cp311-win_amd64')),
    'no-source',
    /has only binary wheels \(manylinux2014_x86_64 and win_amd64\), no sdist\.$/,
  ),
  bad('hidden binary', wheel(PURE, ELF), 'rejected prebuilt-binary', /carries the compiled file 'a\.so'/),
  bad(
    'fails',
    beside(FAILS, wheel(PURE)),
    'published',
    /made from upstream's wheel, because its sdist cannot be built: The build back end failed: ValueError: no\.$/,
  ),
  bad(
    'fails for want',
    beside(toml('[build-system]\nrequires = ["nonesuch-backend"]\n'), wheel(PURE)),
    'published',
    /made from upstream's wheel, because its sdist cannot be built: .*nonesuch-backend/,
  ),
  bad(
    'fails unread',
    beside(toml('[build-system\n'), wheel(PURE)),
    'published',
    /made from upstream's wheel, because its sdist cannot be built: pyproject\.toml is broken/,
  ),
  bad('fails beside binary', beside(FAILS, wheel(LINUX)), 'build-failed back-end-error', /ValueError: no\.$/),
  bad(
    'fails beside hidden binary',
    beside(FAILS, wheel(PURE, ELF)),
    'build-failed back-end-error',
    /ValueError: no\. Nor does upstream's \S+-py3-none-any\.whl do: .* by the rule prebuilt-binary/,
  ),
  bad(
    'unsafe beside wheel',
    beside(sdist({ more: [{ name: '/../a' }] }), wheel(PURE)),
    'rejected bad-archive',
    /the unsafe name/,
  ),
];
