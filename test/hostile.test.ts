import { describeAttacks } from './support/hostile/suite.ts';

await describeAttacks('fast', ['fake', 'namespace', 'qemu']);
