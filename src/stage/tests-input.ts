import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { layOutPackages, type PackagesRequest, type StagedCheck } from './check-input.ts';
import type { StagePorts } from './ports.ts';

export interface TestsRequest extends PackagesRequest {
  /** Attempt id, told to the guest. */
  readonly id: string;
  readonly package: string;
  /** Host path of the sdist, under its file name. */
  readonly sdist: string;
  /** What of the sdist is unpacked, and how it is run; see guest/README.md. */
  readonly selection: {
    readonly keep: readonly string[];
    readonly runner: 'auto' | 'pytest' | 'command';
    readonly start: string;
    readonly installed: readonly string[];
    readonly command: string;
    readonly seconds: number;
  };
}

/** Lays out the input of a run of upstream's tests. RennetError `unmet-relations` where apt finds no way to install the packages. */
export async function stageTests(
  request: TestsRequest,
  ports: Omit<StagePorts, 'index'>,
  signal: AbortSignal,
): Promise<StagedCheck> {
  const { layers, debs, ...staged } = await layOutPackages(request, ports, signal);
  const source = `source/${basename(request.sdist)}`;
  await mkdir(join(staged.input, 'source'));
  await copyFile(request.sdist, join(staged.input, source));
  const { id, selection } = request;
  const job = { protocol: 1, id, kind: 'tests', layers, debs, package: request.package, source, ...selection };
  await writeFile(join(staged.input, 'job.json'), JSON.stringify(job));
  return staged;
}
