/**
 * Reader, PIN pad and printer of one shop in a world. They outlive the terminal's lives: the pad is fed by the
 * terminal and loses its display with it, but keeps its keys; the printer has a supply of its own.
 */
import { openSoftVault, type Vault } from '../../../keys/index.ts';
import { type Clock, type DeviceName, openDevices, PAD_COMMANDS } from '../../../terminal/index.ts';
import { SimulatedPinPad } from '../../devices/simulated-pin-pad.ts';
import { SimulatedPrinter } from '../../devices/simulated-printer.ts';
import { SimulatedReader } from '../../devices/simulated-reader.ts';
import type { Dice } from '../dice.ts';
import { type LineOutside, WorldLine } from './device-lines.ts';

/** A frame on its way, at each frame drawn anew. */
const DELAY_LEAST_MS = 2;
const DELAY_MOST_MS = 6;
/** How long a cable that came out by itself stays out. */
const REPLUG_LEAST_MS = 1_000;
const REPLUG_MOST_MS = 20_000;
const LINE_MS = 20;

/** Longer than a terminal needs to notice that the paper is out. */
const FETCH_MS = 5_000;

export interface WorldDevicesOptions extends Pick<LineOutside, 'mayHappen' | 'traffic'> {
  /** The world's clock: devices live on when the terminal does not. */
  readonly clock: Clock;
  /** The pad's own randomness. */
  readonly random: (bytes: number) => Buffer;
  /** Of the terminal master key; entered at the pad before the world begins, and at any pad that replaces it. */
  readonly tmkComponents: readonly Buffer[];
  /** Delays, and when somebody puts a cable in again. */
  readonly dice: Dice;
  /** Faults that befell something, for the timeline. */
  readonly note?: (what: string) => void;
  /** Milliseconds of the printer for one line; default 20. */
  readonly lineMs?: number;
}

/** Opens the pad's vault (in memory, its self-test included) and makes the three devices, plugged in. */
export async function openWorldDevices(options: WorldDevicesOptions): Promise<WorldDevices> {
  return new WorldDevices(options, await openSoftVault({ random: options.random }));
}

export class WorldDevices {
  readonly reader: SimulatedReader;
  readonly pinPad: SimulatedPinPad;
  readonly printer: SimulatedPrinter;
  readonly lines: Readonly<Record<DeviceName, WorldLine>>;
  readonly #clock: Clock;
  readonly #tmkComponents: readonly Buffer[];
  /** What hands will do, and what undoes it if it is not done yet when the faults stop. */
  readonly #hands = new Set<() => void>();
  /** Done when the terminal's power goes, once. */
  #atCut: (() => void)[] = [];

  /** @param vault the pad's, empty; it closes with the devices */
  constructor(options: WorldDevicesOptions, vault: Vault) {
    const { clock, dice, random, traffic } = options;
    const outside: LineOutside = {
      clock,
      mayHappen: (kind, detail) => options.mayHappen(kind, detail),
      delayMs: () => dice.between(DELAY_LEAST_MS, DELAY_MOST_MS),
      note: (what) => options.note?.(what),
      ...(traffic !== undefined && { traffic }),
    };
    this.#clock = clock;
    this.#tmkComponents = options.tmkComponents;
    this.lines = {
      reader: new WorldLine('reader', outside, ({ length }) => `${length} bytes`),
      pinPad: new WorldLine('pinPad', outside, padFrameName),
      printer: new WorldLine('printer', outside, printerFrameName),
    };
    this.reader = new SimulatedReader(this.lines.reader);
    this.pinPad = new SimulatedPinPad({ line: this.lines.pinPad, vault, random, clock });
    this.printer = new SimulatedPrinter(this.lines.printer, clock, { lineMs: options.lineMs ?? LINE_MS });
    this.pinPad.injectTmk(this.#componentsTyped());
    for (const line of Object.values(this.lines)) {
      const device = this[line.name];
      line.pull = () => {
        void device.unplug();
        this.later(dice.between(REPLUG_LEAST_MS, REPLUG_MOST_MS), () => void device.plug());
      };
    }
  }

  /** The drivers of a new life of the terminal, on fresh ends. @param clock that life's own */
  connect(clock: Clock): ReturnType<typeof openDevices> {
    const { reader, pinPad, printer } = this.lines;
    return openDevices({ reader: reader.port(), pinPad: pinPad.port(), printer: printer.port(), clock });
  }

  /** The terminal's power is gone. The printer prints on what it got, unless a fault takes its power too. */
  disconnect(): void {
    for (const line of Object.values(this.lines)) line.cutOff();
    this.pinPad.losePower();
    for (const act of this.#atCut.splice(0)) act();
  }

  /** Hands do it by then; at once when the faults stop before. */
  later(ms: number, act: () => void): void {
    const once = () => {
      if (this.#hands.delete(once)) act();
    };
    this.#hands.add(once);
    this.#clock.after(ms, once);
  }

  /** A new roll: at once while there is paper; where it is out, somebody must see that and fetch one. */
  changePaper(): void {
    if (this.printer.isPaperOut) this.later(FETCH_MS, () => this.printer.refill());
    else this.printer.refill();
  }

  /** Once, at the terminal's next power cut. */
  atCut(act: () => void): void {
    this.#atCut.push(act);
  }

  /** Another pad with the same master key: working keys and storage key are not the old one's. */
  replacePad(): void {
    this.pinPad.replace(this.#componentsTyped());
  }

  /** The faults stop: nothing is armed, cables are in, paper is there, the cover is shut. */
  spare(): void {
    for (const line of Object.values(this.lines)) line.spare();
    this.#atCut = [];
    for (const act of [...this.#hands]) act();
    for (const device of [this.reader, this.pinPad, this.printer]) void device.plug();
  }

  /** Wipes the pad's keys; the world is over. */
  close(): void {
    this.pinPad.close();
    this.printer.close();
  }

  /** The vault wipes what is typed in. */
  #componentsTyped(): readonly Buffer[] {
    return this.#tmkComponents.map((component) => Buffer.from(component));
  }
}

const PAD_NAMES = new Map<number, string>(
  Object.entries(PAD_COMMANDS).map(([name, { code }]) => [code, name]),
);

/** Its command, from the first two nibbles behind STX. */
function padFrameName(frame: Buffer): string {
  const [, high = 0, low = 0] = frame;
  return PAD_NAMES.get(((high & 0x0f) << 4) | (low & 0x0f)) ?? `${frame.length} bytes`;
}

const DLE = 0x10;
const GS = 0x1d;
const ENQ = 0x05;

function printerFrameName(frame: Buffer): string {
  const [first, second = 0, third = 0] = frame;
  if (first === DLE) return second === ENQ ? 'clear' : `state ${third}`;
  if (first === GS && second === 0x72) return 'proof';
  return `${frame.length} bytes`;
}
