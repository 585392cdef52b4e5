/**
 * A shop to play in: `npm run shop`. Host, programme, cards and devices as in the demo, and the terminal's
 * keyboard is yours. A line that begins with `/` is done by the customer or to the devices, for example
 * `/swipe green`, `/type 135246`, `/tear paper`, `/unplug printer`; every other line goes to the terminal.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PosError } from '../protocol/index.ts';
import { Bureau, helpText, obey, readTestCards, savePictures, throwComponents } from '../simulators/index.ts';
import { openOffice, TERMINALS } from './demo/office.ts';
import { Shop } from './demo/shop.ts';
import { Story } from './demo/story.ts';
import { ROOT } from './files.ts';

const folder = join(ROOT, 'out/shop');
await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });

const story = new Story(folder, true);
const bureau = await Bureau.open({ random: randomBytes });
const tmkComponents = new Map(TERMINALS.map(({ id }) => [id, throwComponents(randomBytes)]));
const office = await openOffice(join(folder, 'host'), story);
await office.provision(bureau, tmkComponents);
const issued = await office.issueCards(bureau);
bureau.close();

const [terminal] = TERMINALS;
if (terminal === undefined) throw new PosError('INVARIANT', 'the demo has no terminal');
const shop = await Shop.open({
  folder: join(folder, 'terminal'),
  terminalId: terminal.id,
  merchantId: terminal.merchantId,
  merchantName: office.nameOf(terminal.merchantId),
  hostPort: office.acquirerPort,
  tmkComponents: tmkComponents.get(terminal.id) ?? [],
  answerTimeoutSeconds: 10,
  show: (line) => console.log(line),
});
await shop.type('logon 00', { password: '246810' });
await shop.type('signin');

const cards = readTestCards(
  JSON.stringify(
    Object.fromEntries(
      issued.map(({ spec, personalised }) => [
        spec.tier,
        { zh: spec.name, track2: personalised.track2, track1: personalised.track1 },
      ]),
    ),
  ),
);
console.log('\n卡与密码 cards and their PINs (invented):');
for (const { spec, masked } of issued)
  console.log(`  /swipe ${spec.tier.padEnd(11)} ${masked}  PIN ${spec.pin}`);
console.log(`\n以 / 开头的命令 commands that begin with /\n${helpText().replaceAll(/^/gm, '/')}`);
console.log(
  '\n终端命令用 help 查看;主管 00 密码 246810 · the terminal lists its own with help; supervisor 00, password 246810',
);
console.log('例 try: sale 128 · /swipe green · /type 135246 · quit\n');

const type = shop.man();
const hands = {
  devices: shop.devices,
  cards,
  savePictures: (dir: string) => savePictures(shop.devices, dir),
};
const input = createInterface({ input: process.stdin });
for await (const line of input) {
  if (line.trim() === 'quit') break;
  if (!line.startsWith('/')) {
    type(line);
    continue;
  }
  try {
    console.log(await obey(hands, line.slice(1)));
  } catch (error) {
    if (!(error instanceof PosError)) throw error;
    console.log(`✗ ${error.detail}`);
  }
}
await shop.close();
await office.stop();
