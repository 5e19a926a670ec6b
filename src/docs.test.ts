import { access, glob, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');

async function filesOf(...patterns: string[]): Promise<string[]> {
  const exclude = (name: string) => /(?:^|\/)(?:node_modules|\.tools|__pycache__)(?:\/|$)/.test(name);
  return Array.fromAsync(glob(patterns, { cwd: ROOT, exclude }));
}

async function missing(paths: readonly string[]): Promise<string[]> {
  const there = await Promise.all(
    paths.map((path) =>
      access(join(ROOT, path)).then(
        () => true,
        () => false,
      ),
    ),
  );
  return paths.filter((_, index) => there[index] === false);
}

test('documents name files that are there', async () => {
  const documents = await filesOf('*.md', 'docs/**/*.md', 'guest/*.md');
  expect(documents).toContain('docs/architecture.md');
  for (const document of documents) {
    const text = await readFile(join(ROOT, document), 'utf8');
    const links = [...text.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path = '']) => join(dirname(document), path));
    const named = [...text.matchAll(/`((?:src|docs|test|guest|bench)\/[\w./-]+)`/g)].map(([, path = '']) => path);
    expect(await missing([...links, ...named]), document).toEqual([]);
  }
});

test('code names decisions that are there, and each number stands for one', async () => {
  const files = await filesOf('src/**/*.{ts,py,sh}', 'guest/*.py', 'guest/init', 'test/**/*.ts', 'bench/*.ts');
  for (const file of files) {
    const text = await readFile(join(ROOT, file), 'utf8');
    const named = [...text.matchAll(/docs\/decisions\/\d[\w.-]*\w/g)].map(([path]) => path);
    expect(await missing(named), file).toEqual([]);
  }
  const records = (await filesOf('docs/decisions/0*.md')).map((path) => path.replace(/^.*\//, ''));
  expect(new Set(records.map((name) => name.slice(0, 4))).size).toBe(records.length);
  const index = await readFile(join(ROOT, 'docs/decisions/README.md'), 'utf8');
  for (const name of records) expect(index).toContain(`(${name})`);
});
