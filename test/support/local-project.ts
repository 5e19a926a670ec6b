import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Writes a file, making its folder; gives its path. */
export async function writeLines(path: string, ...lines: readonly string[]): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, lines.join('\n'));
  return path;
}

export interface LocalProject {
  readonly name: string;
  /** What its code says. */
  readonly version: string;
  /** Lines of pyproject.toml after the build system: what it says without its code. */
  readonly project: readonly string[];
  readonly module?: string;
}

/** A source folder as people have it, with a repository in it, whose own back end writes a wheel that requires six. Gives its path. */
export async function localProject(folder: string, local: LocalProject): Promise<string> {
  const { name, version, project, module: body = 'X = 1' } = local;
  const module = name.replaceAll('-', '_');
  const info = `${module}-${version}.dist-info`;
  const backend = ['[build-system]', 'requires = []', 'build-backend = "backend"', 'backend-path = ["."]'];
  await writeLines(join(folder, 'pyproject.toml'), ...backend, ...project, '');
  await writeLines(join(folder, '.git/config'), 'password = hunter2');
  await writeLines(join(folder, `${module}.py`), body);
  await writeLines(
    join(folder, 'backend.py'),
    'import os, zipfile',
    'def build_wheel(folder, config_settings=None, metadata_directory=None):',
    "    assert not os.path.exists('.git')",
    `    name = '${module}-${version}-py3-none-any.whl'`,
    '    files = {',
    `        '${module}.py': open('${module}.py').read(),`,
    `        '${info}/METADATA': 'Metadata-Version: 2.1\\nName: ${name}\\nVersion: ${version}\\nRequires-Dist: six\\n',`,
    `        '${info}/WHEEL': 'Wheel-Version: 1.0\\nGenerator: demo\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n',`,
    '    }',
    `    record = ''.join(path + ',,\\n' for path in [*files, '${info}/RECORD'])`,
    "    with zipfile.ZipFile(os.path.join(folder, name), 'w') as wheel:",
    `        for path, text in {**files, '${info}/RECORD': record}.items():`,
    '            wheel.writestr(path, text)',
    '    return name',
    '',
  );
  return folder;
}

/** Names of the files below a folder that hold a text. */
export async function filesWith(root: string, text: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path).catch(() => Buffer.alloc(0));
    if (bytes.includes(text)) found.push(path);
  }
  return found;
}
