import { expect, test } from 'vitest';
import type { MachineShape } from './arguments.ts';
import type { TemplateRequest } from './template-record.ts';
import { templateKey } from './template.ts';

const SHAPE: MachineShape = { architecture: 'amd64', accelerator: 'tcg', memoryMiB: 1024, cpus: 1 };
const keyOf = (shape: Partial<MachineShape>, digest = 'a', version = '7.2'): Promise<string> =>
  templateKey({
    image: { digest },
    qemu: { version },
    shape: { ...SHAPE, ...shape },
  } as unknown as TemplateRequest);

test('everything that a template came from is in its key, the size of the mirror that it sees too', async () => {
  const keys = [
    await keyOf({}),
    await keyOf({}, 'b'),
    await keyOf({}, 'a', '10.0'),
    await keyOf({ memoryMiB: 2048 }),
    await keyOf({ cpus: 2 }),
    await keyOf({ architecture: 'arm64' }),
    await keyOf({ accelerator: 'kvm' }),
    await keyOf({ mirrorBytes: 4096 }),
    await keyOf({ mirrorBytes: 8192 }),
  ];
  expect(new Set(keys).size).toBe(keys.length);
  expect(await keyOf({ mirrorBytes: 4096 })).toBe(keys[7]);
});
