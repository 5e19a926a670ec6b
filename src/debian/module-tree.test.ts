import { expect, test } from 'vitest';
import { createModuleTree, findModuleOwner } from './module-tree.ts';

const FILES: readonly [path: string, owner: string][] = [
  ['six.py', 'python3-six'],
  ['yaml/Zoo.py', 'python3-yaml'],
  ['yaml/__init__.py', 'python3-yaml'],
  ['yaml/loader.py', 'python3-yaml'],
  ['_yaml.cpython-311-x86_64-linux-gnu.so', 'python3-yaml'],
  ['_abi.abi3.so', 'python3-abi'],
  ['google/protobuf/__init__.py', 'python3-protobuf'],
  ['google/protobuf/internal/x.py', 'python3-protobuf'],
  ['google/auth/__init__.py', 'python3-google-auth'],
  ['google/one.py', 'python3-one'],
  ['zope/interface/deep/__init__.cpython-311.so', 'python3-deep'],
  ['stubs-stubs/__init__.pyi', 'python3-stubs'],
  ['both/__init__.py', 'python3-b'],
  ['both/__init__.py', 'python3-a'],
  ['six-1.16.0.egg-info/PKG-INFO', 'python3-six'],
  ['azure/__init__.py', 'python3-azure'],
  ['azure/ai/ml/__init__.py', 'python3-azure'],
  ['azure/core/__init__.py', 'python3-azure'],
  ['azure/core/deep/x.py', 'python3-azure'],
  ['azure/cli/core/__init__.py', 'python3-azure-cli-core'],
  ['azure/cosmos/__init__.py', 'python3-azure-cosmos'],
  ['azure/one.py', 'python3-azure'],
  ['tuned/__init__.py', 'tuned'],
  ['tuned/core/__init__.py', 'tuned'],
  ['tuned/gtk/__init__.py', 'tuned-gtk'],
  ['tuned/utils/__init__.py', 'tuned-utils'],
  ['plug/__init__.py', 'python3-plug'],
  ['plug/one/__init__.py', 'python3-plug-one'],
  ['__pycache__/x.cpython-311.pyc', 'python3-x'],
];

/** The order of a Contents list is not to be relied on. */
const ORDERS = [FILES, FILES.toReversed(), FILES.toSorted(([a], [b]) => (a < b ? -1 : 1))];

test.each(ORDERS.map((files, index) => ({ index, files })))('owners of modules, order $index', ({ files }) => {
  const tree = createModuleTree((owner) => owner.replace(/^(tuned)-.*/, '$1'));
  for (const [path, owner] of files) tree.add(path, owner);
  const entries = new Map(tree.entries());
  const expected: Record<string, string | undefined> = {
    'six.py': 'python3-six',
    'six/__init__.py': 'python3-six',
    six: 'python3-six',
    'yaml/other.py': 'python3-yaml',
    'yaml.py': 'python3-yaml',
    '_yaml.py': 'python3-yaml',
    '_abi.so': 'python3-abi',
    'google/protobuf/new.py': 'python3-protobuf',
    'google/auth/x/y.py': 'python3-google-auth',
    'google/one/__init__.py': 'python3-one',
    'google/mine/__init__.py': undefined,
    google: undefined,
    'zope/interface/deep/x.py': 'python3-deep',
    'zope/interface/other.py': undefined,
    'stubs-stubs/x.pyi': 'python3-stubs',
    'both/x.py': 'python3-a',
    'six-1.16.0.egg-info/PKG-INFO': undefined,
    // Several sources share it, although one of them ships its __init__.
    azure: undefined,
    'azure/mine/__init__.py': undefined,
    'azure/ai/mine.py': undefined,
    'azure/ai/ml/x.py': 'python3-azure',
    'azure/core/x.py': 'python3-azure',
    'azure/one/x.py': 'python3-azure',
    'azure/cli/mine.py': undefined,
    'azure/cli/core/x.py': 'python3-azure-cli-core',
    // Parts of one source, or of one other only, do not make a namespace.
    'tuned/mine.py': 'tuned',
    'plug/mine.py': 'python3-plug',
    'free.py': undefined,
  };
  for (const [path, owner] of Object.entries(expected))
    expect([path, findModuleOwner(entries, path)]).toEqual([path, owner]);
});
