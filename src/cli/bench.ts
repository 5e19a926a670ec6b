import type { Command } from 'commander';
import { addBenchBuild } from './bench-build.ts';
import { addBenchChannel } from './bench-channel.ts';
import { addBenchCorpus } from './bench-corpus.ts';
import { addBenchDensity } from './bench-density.ts';
import { addBenchReset } from './bench-reset.ts';

/** `rennet bench …`: measures what Rennet promises, on this host. */
export function addBench(program: Command): void {
  const bench = program.command('bench').description('measure what Rennet promises');
  addBenchBuild(bench);
  addBenchReset(bench);
  addBenchChannel(bench);
  addBenchDensity(bench);
  addBenchCorpus(bench);
}
