import { execa } from 'execa';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildTarGz } from '../../src/python/testing/tars.ts';
import { serve, startIndexServer } from '../../src/python/testing/index-server.ts';

/** A made-up crate without dependencies. */
export interface DemoCrate {
  readonly name: string;
  readonly version: string;
  readonly files: Readonly<Record<string, string>>;
  readonly yanked?: boolean;
}

export interface DemoRegistry {
  /** `CARGO_HOME` of an operator whose settings put this registry in the place of the default one. */
  readonly env: { readonly CARGO_HOME: string };
  /** By `NAME-VERSION`. */
  readonly sha256: ReadonlyMap<string, string>;
  /** What cargo calls the default registry in a Cargo.lock. */
  readonly source: string;
  readonly asked: readonly string[];
  close(): Promise<void>;
}

/** A registry of crates on the loopback (The Cargo Book, "Registry Index"), reached as an operator's mirror is. */
export async function startDemoRegistry(crates: readonly DemoCrate[]): Promise<DemoRegistry> {
  // One that is not yanked, for cargo to lock.
  crates = [...crates, { name: 'rind', version: '1.0.0', files: { 'src/lib.rs': '' } }];
  const answers: Record<string, ReturnType<typeof serve>> = {};
  const server = await startIndexServer(answers);
  const sha256 = new Map<string, string>();
  for (const [name, versions] of Map.groupBy(crates, (crate) => crate.name)) {
    const lines = versions.map((crate) => {
      const bytes = crateFile(crate);
      const cksum = createHash('sha256').update(bytes).digest('hex');
      sha256.set(`${name}-${crate.version}`, cksum);
      answers[`/crates/${name}/${crate.version}`] = serve(bytes);
      return JSON.stringify({
        name,
        vers: crate.version,
        deps: [],
        cksum,
        features: {},
        yanked: crate.yanked ?? false,
      });
    });
    answers[`/index/${name.slice(0, 2)}/${name.slice(2, 4)}/${name}`] = serve(`${lines.join('\n')}\n`);
  }
  answers['/index/config.json'] = serve(JSON.stringify({ dl: `${server.url}/crates/{crate}/{version}` }));
  const home = await mkdtemp(join(tmpdir(), 'rennet-cargo-home-'));
  const mirror = `[source.crates-io]\nreplace-with = "mirror"\n\n[source.mirror]\nregistry = "sparse+${server.url}/index/"\n`;
  await writeFile(join(home, 'config.toml'), `${mirror}\n[build]\nrustc = "/nonexistent"\n`);
  return {
    env: { CARGO_HOME: home },
    sha256,
    source: await sourceInLocks(home),
    asked: server.asked,
    async close() {
      await server.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

function crateFile({ name, version, files }: DemoCrate): Buffer {
  const manifest = `[package]\nname = "${name}"\nversion = "${version}"\nedition = "2021"\n`;
  const all = Object.entries({ 'Cargo.toml': manifest, ...files });
  return buildTarGz(all.map(([path, content]) => ({ name: `${name}-${version}/${path}`, content })));
}

async function sourceInLocks(home: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rennet-cargo-'));
  try {
    await writeFile(join(folder, 'lib.rs'), '');
    const manifest =
      '[package]\nname = "whey"\nversion = "1.0.0"\n[lib]\npath = "lib.rs"\n[dependencies]\nrind = "1"\n';
    await writeFile(join(folder, 'Cargo.toml'), manifest);
    await execa('cargo', ['generate-lockfile'], { cwd: folder, env: { CARGO_HOME: home } });
    const lock = await readFile(join(folder, 'Cargo.lock'), 'utf8');
    return /^source = "(.+)"$/m.exec(lock)?.[1] ?? '';
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
