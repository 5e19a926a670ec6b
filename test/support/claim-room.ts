import { tryRoom } from '../../src/machine/qemu/room.ts';
import { reserveSlot } from '../../src/machine/qemu/slot.ts';
import { stateFolder } from '../../src/model/state.ts';

/** Claims memory for a guest that never comes, says so, and waits for its end: STATE MIB. */
const [root = '', memoryMiB = '0'] = process.argv.slice(2);
const state = stateFolder(root);
await tryRoom(await reserveSlot(state), { memoryMiB: Number(memoryMiB) }, { state, overcommit: true });
process.stdout.write('claimed\n');
setInterval(() => {}, 1000);
