import { bad, type BadRelease, hook, odd, packing, sdist, setup, setupPy } from './bad-releases.ts';

const FORKS = `
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        import time
        time.sleep(300)
    os._exit(0)
open(os.path.join(folder, 'other-1.0-py3-none-any.whl'), 'w').write('x')`;
const ODD_RECORD = `
import zipfile
real = zipfile.ZipFile.writestr
zipfile.ZipFile.writestr = lambda z, n, d: real(z, n, 'a,b,c,d\\n\\0,' if n.endswith('RECORD') else d)`;
const requiring = (...texts: readonly string[]) => sdist({ metadata: texts.map((text) => `Requires-Dist: ${text}`) });
const nonesuch = (count: number) => Array.from({ length: count }, (_, at) => `nonesuch-${at}`);

/** What code of the release does while it is built. */
export const BAD_BUILDS: readonly BadRelease[] = [
  bad('prints', hook("for _ in range(100): print('x' * 1_000_000)"), 'limit log', /log/),
  bad(
    'asks',
    setupPy(`name = input('Your name? ')\n${setup()}`),
    'build-failed back-end-error',
    /asks a person a question/,
  ),
  odd('forks and leaves two wheels', hook(FORKS)),
  bad('exits 0', setupPy('import sys\nsys.exit(0)\n'), 'build-failed no-wheel', /ended without a wheel/),
  bad('leaves at once', hook('os._exit(0)'), 'build-failed no-wheel', /ended without a wheel/),
  bad('other wheel', packing("name = 'other-1.0-py3-none-any.whl'"), 'rejected identity', /the file name 'other-1\.0/),
  bad(
    'network',
    setupPy(`from urllib.request import urlopen\nurlopen('http://www.example.org/')\n${setup()}`),
    'build-failed needs-network',
    /wants the network/,
  ),
  bad(
    'pip',
    setupPy(`import subprocess, sys\nsubprocess.check_call([sys.executable, '-m', 'pip', 'install', 'x'])\n${setup()}`),
    'build-failed needs-network',
    /calls pip to fetch/,
  ),
  bad('easy install', setupPy(setup('setup_requires=["nonesuch"]')), 'unsatisfiable', /cannot be built: .*nonesuch/),
  bad(
    'deletes itself',
    hook('import shutil\nshutil.rmtree(os.getcwd())\nos.getcwd()'),
    'build-failed back-end-error',
    /FileNotFoundError/,
  ),
  odd(
    'imports itself',
    setupPy(`import bad_imports_itself\n${setup('install_requires=["PyYAML"]')}`, {
      'bad_imports_itself.py': 'import yaml\n',
    }),
  ),
  bad('python 2', setupPy(`print "hello"\n${setup()}`), 'build-failed python-2', /code of Python 2/),
  bad(
    'latin setup',
    setupPy(Buffer.from(`author = 'J\u00fcrgen'\n${setup()}`, 'latin1')),
    'build-failed back-end-error',
    /not UTF-8/,
  ),
  bad(
    'no METADATA',
    packing("files = {k: v for k, v in files.items() if 'METADATA' not in k}"),
    'rejected dist-info',
    /without METADATA/,
  ),
  odd('odd RECORD', hook(ODD_RECORD)),
  bad(
    'no zip',
    hook("name = 'bad_no_zip-1.0-py3-none-any.whl'\nopen(os.path.join(folder, name), 'w').write('x')\nreturn name"),
    'build-failed no-wheel',
    /without a wheel/,
  ),
];

/** What metadata asks for. */
export const BAD_REQUIREMENTS: readonly BadRelease[] = [
  bad('20000 requirements', requiring(...nonesuch(20_000)), 'rejected metadata', /more than 20000 fields/),
  bad(
    '19000 requirements',
    requiring(...nonesuch(19_000)),
    'unsatisfiable',
    /needs more than 200 projects that bookworm lacks \(19000\)/,
  ),
  bad(
    'address',
    requiring('foo @ https://files.example.org/foo.whl'),
    'unsatisfiable',
    /foo is required from an address of its own, which no package can give/,
  ),
  bad(
    'late address',
    sdist({ metadataVersion: '2.1', metadata: ['Requires-Dist: foo @ https://files.example.org/foo.whl'] }),
    'unsatisfiable',
    /from an address of its own/,
  ),
  odd(
    'itself',
    sdist({
      metadata: [
        'Requires-Dist: bad_itself>=1.0',
        'Requires-Dist: bad-itself[all]; extra == "most"',
        'Requires-Dist: six; extra == "all"',
        'Provides-Extra: all',
        'Provides-Extra: most',
      ],
    }),
  ),
  bad(
    'newer itself',
    requiring('bad-newer-itself>=2'),
    'unsatisfiable',
    />=2 is required by bad-newer-itself 1\.0 itself/,
  ),
  bad('no such project', requiring('nonesuch'), 'unsatisfiable', /the index has no project nonesuch\.$/),
  bad(
    'no such version',
    requiring('bad-itself>=9'),
    'unsatisfiable',
    /the index has no release of bad-itself that is bad-itself>=9/,
  ),
  bad('yanked requirement', requiring('all-yanked'), 'unsatisfiable', /all-yanked 1\.0 was yanked/),
  bad('odd requirement', requiring('a b c'), 'unsatisfiable', /A requirement cannot be read/),
];
