/**
 * A shop's day, from the swipe to the merchant's file: `npm run demo`.
 *
 * Real processes through their own doors: a host on a SQLite file, terminals on virtual serial lines, a
 * link that loses what it is told to lose. Everything is written under out/demo (`--out FOLDER`); the
 * last lines are computed by reading it again, and the exit code is not 0 if any of them is false.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { luaDissector } from '../protocol/index.ts';
import { Bureau, startLinkProxy, throwComponents } from '../simulators/index.ts';
import { farmDay, hotelDay, wineDay } from './demo/day.ts';
import { openOffice, TERMINALS } from './demo/office.ts';
import { type Manifest, PLACES, proveOutputs, tellProof } from './demo/proof.ts';
import { Shop, type ShopOptions } from './demo/shop.ts';
import { Story } from './demo/story.ts';
import { summaryPage } from './demo/summary.ts';
import { ROOT } from './files.ts';

const { values } = parseArgs({ options: { out: { type: 'string' }, quiet: { type: 'boolean' } } });
const folder = values.out ?? join(ROOT, 'out/demo');
await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });

const story = new Story(folder, values.quiet !== true);
story.chapter('开业之前', 'Before the doors open');
const bureau = await Bureau.open({ random: randomBytes });
const tmkComponents = new Map(TERMINALS.map(({ id }) => [id, throwComponents(randomBytes)]));
const office = await openOffice(join(folder, 'host'), story);
await office.provision(bureau, tmkComponents);
const cards = await office.issueCards(bureau);
bureau.close();

/** Opens a shop behind a link of its own, so that the demo can lose its frames. */
const openShop = async (index: number) => {
  const terminal = TERMINALS[index];
  if (terminal === undefined) throw new Error(`there is no terminal ${index}`);
  const link = await startLinkProxy({
    listenPort: 0,
    targetHost: '127.0.0.1',
    targetPort: office.acquirerPort,
  });
  const options: ShopOptions = {
    folder: join(folder, `terminal-${terminal.id}`),
    terminalId: terminal.id,
    merchantId: terminal.merchantId,
    merchantName: office.nameOf(terminal.merchantId),
    hostPort: link.port,
    tmkComponents: tmkComponents.get(terminal.id) ?? [],
    answerTimeoutSeconds: 2,
    show: (line) => story.window(line),
  };
  return { shop: await Shop.open(options), link, terminalId: terminal.id };
};

story.chapter('酒店前台', 'At the hotel desk');
const hotel = await openShop(0);
await hotelDay(story, hotel, cards);
await hotel.link.writePcap(join(folder, 'conversation.pcap'));
await writeFile(join(folder, 'zunka.lua'), luaDissector());
await story.close(hotel);

story.chapter('名酒会', 'At the wine club: totals that differ');
const wine = await openShop(1);
await wineDay(story, wine, cards);
await story.close(wine);

story.chapter('农场门店', 'At the farm shop');
const farm = await openShop(2);
await farmDay(story, farm, cards);
await story.close(farm);

story.chapter('日终清算', 'End of day');
const day = await office.endOfDay();
await office.stop();

story.chapter('证明', 'Proof');
const manifest: Manifest = {
  businessDate: day.businessDate,
  journals: story.journalFolders.map((journal) => relative(folder, journal)),
  accounts: Object.fromEntries(cards.map((card) => [card.masked, card.spec.accountId])),
};
await writeFile(join(folder, PLACES.manifest), JSON.stringify(manifest, null, 2));
const checks = await proveOutputs(folder);
await writeFile(
  join(folder, 'summary.html'),
  summaryPage({
    businessDate: day.businessDate,
    steps: story.steps,
    merchants: day.merchants,
    differences: day.differences,
    files: day.files.map((file) => ({ ...file, path: relative(folder, file.path) })),
    slips: story.slips.map((slip) => ({ ...slip, path: relative(folder, slip.path) })),
    checks,
  }),
);
const proven = tellProof(checks);
const fromHere = relative(process.cwd(), folder) || '.';
const shown = fromHere.startsWith('..') ? folder : fromHere;
story.say('');
story.say(`输出 output: ${shown} (summary.html, slips, settlement, books, journals)`);
story.say(`再次证明 prove again: npm run prove -- ${shown}`);
story.say(
  proven ? `已证明 PROVEN: ${checks.length} of ${checks.length} statements hold` : '未能证明 NOT PROVEN',
);
process.exitCode = proven ? 0 : 1;
