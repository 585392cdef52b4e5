/** The simulated devices by typed commands: what a person's hands would do at a counter. */
import { PosError } from '../../protocol/index.ts';
import { PAD_KEYS, type PadKey } from '../../terminal/index.ts';
import type { PadBinding } from './pad-keys.ts';
import type { SimulatedDevices } from './start-devices.ts';
import type { TestCard } from './test-cards.ts';

export interface Hands {
  readonly devices: SimulatedDevices;
  readonly cards: ReadonlyMap<string, TestCard>;
  /** Writes the pictures of all slips and says where; undefined where nothing may be written. */
  readonly savePictures: ((dir: string) => Promise<readonly string[]>) | undefined;
  /** Reads the administration's answer to a certificate request; absent where nothing may be read. */
  readonly readBinding?: (file: string) => Promise<PadBinding>;
}

interface Command {
  /** English and Chinese words that begin it. */
  readonly words: readonly string[];
  readonly usage: string;
  readonly zh: string;
  readonly en: string;
  run(hands: Hands, rest: string): string | Promise<string>;
}

// biome-ignore format: a table is read by column
const COMMANDS: readonly Command[] = [
  { words: ['swipe', '刷卡'],  usage: 'swipe CARD|TRACK2|badly', zh: '刷卡;badly 为读不出',   en: 'swipe a test card, a track, or badly', run: swipe },
  { words: ['type', '密码'],   usage: 'type 123456',             zh: '在密码键盘输密码并确认', en: 'type a PIN on the pad and confirm, now or when it asks', run: type },
  { words: ['press', '按'],    usage: 'press KEY',               zh: '按一个键',             en: 'press 0-9 confirm cancel clear f1 f2 f3', run: press },
  { words: ['paper', '纸'],    usage: 'paper LINES',             zh: '纸只剩几行',           en: 'so many lines are left on the roll', run: paper },
  { words: ['tear', '撕纸'],   usage: 'tear paper',              zh: '撕断纸卷:缺纸',        en: 'the paper is out', run: ({ devices }) => said(devices.printer.paper(0), '缺纸 paper out') },
  { words: ['refill', '换纸'], usage: 'refill',                  zh: '换新纸',               en: 'a new roll', run: ({ devices }) => said(devices.printer.refill(), '新纸卷 new roll') },
  { words: ['cover', '盖子'],  usage: 'cover open|close',        zh: '开盖/合盖',            en: 'the printer\'s cover', run: cover },
  { words: ['jam', '卡纸'],    usage: 'jam on|off',              zh: '切刀卡住',             en: 'a cutter jam', run: jam },
  { words: ['unplug', '拔'],   usage: 'unplug DEVICE',           zh: '拔掉 reader|pinpad|printer', en: 'pull the cable out', run: (hands, rest) => cable(hands, rest, 'unplug') },
  { words: ['plug', '插'],     usage: 'plug DEVICE',             zh: '插上',                 en: 'plug it in again', run: (hands, rest) => cable(hands, rest, 'plug') },
  { words: ['answer', '应答'], usage: 'answer DEVICE well|silent|garbage', zh: '设备如何应答', en: 'how the pad or the printer answers', run: answer },
  { words: ['request', '申请'], usage: 'request TERMINAL',       zh: '键盘的证书请求',       en: 'the pad\'s request for a certificate', run: ({ devices }, rest) => request(devices, rest) },
  { words: ['bind', '绑定'],   usage: 'bind FILE',               zh: '绑定主机:管理接口的应答', en: 'bind the pad to the host: the administration\'s answer, as a file', run: bind },
  { words: ['show', '看'],     usage: 'show slips|pad|cards|state', zh: '看小票/键盘/卡/状态', en: 'what is to be seen', run: show },
  { words: ['save', '存图'],   usage: 'save DIR',                zh: '小票存为图片',         en: 'slips as pictures (SVG)', run: save },
  { words: ['help', '帮助'],   usage: 'help',                    zh: '这张表',               en: 'this table', run: () => helpText() },
];

/** @returns what to show to whoever typed; @throws INPUT_BAD with the usage */
export async function obey(hands: Hands, line: string): Promise<string> {
  const [word = '', ...rest] = line.trim().split(/\s+/);
  if (word === '') return '';
  const command = COMMANDS.find(({ words }) => words.includes(word));
  if (command === undefined) throw wrong(`不懂 unknown: ${word}; help`);
  return command.run(hands, rest.join(' '));
}

export function helpText(): string {
  return COMMANDS.map(({ words, usage, zh, en }) => `${usage.padEnd(36)} ${words[1]} ${zh} · ${en}`).join(
    '\n',
  );
}

function swipe({ devices, cards }: Hands, rest: string): string {
  if (rest === 'badly') return said(devices.reader.swipeBadly(), '读不出 swiped badly');
  const card = cards.get(rest);
  if (card !== undefined) {
    return said(devices.reader.swipe(card.track2, card.track1), `已刷 swiped ${card.zh} ${card.panMasked}`);
  }
  // Never said back: what was typed may be a real track.
  if (!/^;?\d{13,19}[=D]\d{7,}\??$/.test(rest))
    throw wrong(`swipe ${[...cards.keys(), 'badly'].join('|')}|TRACK2`);
  return said(devices.reader.swipe(rest), '已刷 swiped');
}

function type({ devices }: Hands, rest: string): string {
  if (!/^\d{4,12}$/.test(rest)) throw wrong('type, then 4 to 12 digits');
  // Done when the pad asks; until then the hand waits.
  void devices.pinPad.typePin(rest);
  return '手放在键盘上 hand on the pad';
}

function press({ devices }: Hands, rest: string): string {
  const isKey = /^\d$/.test(rest) || rest in PAD_KEYS;
  if (!isKey) throw wrong(`press 0-9|${Object.keys(PAD_KEYS).join('|')}`);
  return said(devices.pinPad.press(rest as PadKey), '已按 pressed');
}

function paper({ devices }: Hands, rest: string): string {
  if (!/^\d{1,5}$/.test(rest)) throw wrong('paper, then how many lines');
  return said(devices.printer.paper(Number(rest)), `剩 ${rest} 行 lines left`);
}

function cover({ devices }: Hands, rest: string): string {
  if (rest === 'open') return said(devices.printer.openCover(), '盖子已开 open');
  if (rest === 'close') return said(devices.printer.closeCover(), '盖子已合 closed');
  throw wrong('cover open|close');
}

function jam({ devices }: Hands, rest: string): string {
  if (rest !== 'on' && rest !== 'off') throw wrong('jam on|off');
  return said(devices.printer.jam(rest === 'on'), rest === 'on' ? '已卡 jammed' : '已清 cleared');
}

function deviceNamed(devices: SimulatedDevices, name: string) {
  if (name === 'reader') return devices.reader;
  if (name === 'pinpad') return devices.pinPad;
  if (name === 'printer') return devices.printer;
  throw wrong('reader|pinpad|printer');
}

async function cable({ devices }: Hands, rest: string, act: 'plug' | 'unplug'): Promise<string> {
  await deviceNamed(devices, rest)[act]();
  return `${rest} ${act === 'plug' ? '已插上 plugged in' : '已拔出 unplugged'}`;
}

function answer({ devices }: Hands, rest: string): string {
  const [name = '', mode] = rest.split(' ');
  if (mode !== 'well' && mode !== 'silent' && mode !== 'garbage')
    throw wrong('answer pinpad|printer well|silent|garbage');
  const device = deviceNamed(devices, name);
  if (device === devices.reader) throw wrong('the reader is never asked: pinpad|printer');
  if (name === 'pinpad') devices.pinPad.behave(mode);
  else devices.printer.behave(mode);
  return `${name}: ${mode}`;
}

async function request(devices: SimulatedDevices, rest: string): Promise<string> {
  if (!/^[A-Za-z0-9]{8}$/.test(rest)) throw wrong('request, then the terminal number');
  return (await devices.pinPad.padKeys.certificateRequest(rest)).trim();
}

async function bind({ devices, readBinding }: Hands, rest: string): Promise<string> {
  if (rest === '' || readBinding === undefined) throw wrong('bind, then a file');
  const binding = await readBinding(rest);
  await devices.pinPad.padKeys.bind(binding);
  return `已绑定 bound: ${binding.terminalId}`;
}

function show({ devices, cards }: Hands, rest: string): string {
  if (rest === 'pad') return devices.pinPad.display().join('\n');
  if (rest === 'cards') {
    return [...cards.values()].map(({ name, zh, panMasked }) => `${name} ${zh} ${panMasked}`).join('\n');
  }
  if (rest === 'state')
    return `slips ${devices.printer.slips().length}; ${Object.values(devices.paths).join(' ')}`;
  if (rest !== 'slips') throw wrong('show slips|pad|cards|state');
  const slips = devices.printer
    .slips()
    .map(({ text, complete }) => (complete ? text : `${text}\n≈≈≈ 撕断 torn ≈≈≈`));
  return [...slips, devices.printer.unfinished()]
    .filter((text) => text !== '')
    .join('\n\n✂------------------------------\n\n');
}

async function save({ savePictures }: Hands, rest: string): Promise<string> {
  if (rest === '' || savePictures === undefined) throw wrong('save, then a folder');
  return (await savePictures(rest)).join('\n');
}

/** Reads better at the call: do it, then say it. */
function said(_done: unknown, text: string): string {
  return text;
}

function wrong(usage: string): PosError {
  return new PosError('INPUT_BAD', usage);
}
