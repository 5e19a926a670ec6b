import type { ServerResponse } from 'node:http';
import { createIndexClient, type IndexClient } from '../../src/python/client.ts';
import { readIndexSettings } from '../../src/python/settings.ts';
import { jsonPage } from '../../src/python/testing/index-server.ts';
import type { DemoIndex } from './demo-index.ts';
import { machineState } from './images.ts';

/**
 * Lets a loopback index answer for these real projects as this host's own index does; asked only when a build asks. Files come from where
 * the index says that they are. No other name ever reaches the real index.
 */
export async function passThrough(index: DemoIndex, projects: readonly string[]): Promise<void> {
  const { signal } = new AbortController();
  const settings = await readIndexSettings(machineState.cache, signal);
  const client = createIndexClient({ settings, cacheFolder: machineState.cache });
  for (const project of projects) {
    index.answers[`/simple/${project}/`] = (request, response) => {
      void pageOf(client, project, signal).then(
        (page) => page(request, response),
        (error: unknown) => refuse(response, error),
      );
    };
  }
}

async function pageOf(client: IndexClient, project: string, signal: AbortSignal): Promise<ReturnType<typeof jsonPage>> {
  const { name, releases } = await client.project(project, signal);
  const files = releases.flatMap((release) =>
    release.files.map(({ filename, url, sha256, bytes, requiresPython, yanked }) => ({
      filename,
      url,
      hashes: sha256 === undefined ? {} : { sha256 },
      ...(bytes !== undefined && { size: bytes }),
      ...(requiresPython !== undefined && { 'requires-python': requiresPython }),
      ...(yanked !== undefined && { yanked }),
    })),
  );
  return jsonPage(name, files, { 'cache-control': 'no-store' });
}

function refuse(response: ServerResponse, error: unknown): void {
  response.writeHead(502).end(String(error));
}
